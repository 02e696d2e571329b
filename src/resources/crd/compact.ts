import type { StructuralSchema } from './structural.ts';

/** Below so many fields whose description is elsewhere, nobody has to be told where. */
const HINT_FROM = 4;

/**
 * Describes each part of a schema once: where it stands least deep. A part that comes again, such as the policies of a
 * rule after those of the route, keeps its own description and loses those of its fields, and says where they are.
 * Validation stays what it was.
 *
 * `kubectl apply` writes the whole definition into an annotation of 262,144 bytes at most, and structural schemas have no
 * references: without this the largest one comes close.
 * @param root of a kind; changed in place
 * @param explain how `kubectl explain` names it
 */
export function describeOnce(root: StructuralSchema, explain: string): void {
  const places = new Map<string, string>();
  const queue: Place[] = [{ node: root, path: explain }];
  for (const place of queue) queue.push(...new Children(place, places).left);
}

interface Place {
  readonly node: StructuralSchema;
  readonly path: string;
}

/** The children of one node: which of them are described elsewhere, and which are left to look at. */
class Children {
  readonly left: Place[] = [];

  /** @param places where each part stands first; those of this node are added */
  constructor(parent: Place, places: Map<string, string>) {
    const leaves: Place[] = [];
    for (const child of children(parent)) {
      const { node, path } = child;
      const isLeaf = children(child).next().done === true;
      const key = JSON.stringify(
        isLeaf ? [path.slice(path.lastIndexOf('.')), node] : { ...node, description: null },
      );
      const known = places.get(key);
      if (known === undefined) {
        places.set(key, path);
        this.left.push(child);
      } else if (isLeaf) {
        leaves.push({ node, path: known });
      } else if (removeDescriptions(node) >= HINT_FROM) {
        hint(node, known);
      }
    }
    if (leaves.length < HINT_FROM) return;
    for (const { node } of leaves) delete node.description;
    const [{ path } = parent] = leaves;
    hint(parent.node, path.slice(0, path.lastIndexOf('.')));
  }
}

function hint(node: StructuralSchema, path: string): void {
  node.description = `${node.description ?? ''} Its fields: kubectl explain ${path}`.trim();
}

/** With the paths by which `kubectl explain` shows them: it steps over lists and maps. */
function* children({ node, path }: Place): Generator<Place> {
  for (const [name, property] of Object.entries(node.properties ?? {}))
    yield { node: property, path: `${path}.${name}` };
  for (const element of [node.items, node.additionalProperties])
    if (element !== undefined) yield { node: element, path };
}

/** @returns how many there were below the node */
function removeDescriptions(node: StructuralSchema): number {
  let removed = 0;
  for (const { node: child } of children({ node, path: '' })) {
    if (child.description !== undefined) removed += 1;
    delete child.description;
    removed += removeDescriptions(child);
  }
  return removed;
}
