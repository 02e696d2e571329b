import { list, text } from './schema.ts';

/** A claim, or what stands deeper in one. */
export const claimName = (description: string) =>
  text(`${description} One that begins with \`/\` is a JSON Pointer: \`/realm_access/roles\`.`, {
    minLength: 1,
    maxLength: 256,
  });

/** Claims that hold texts: roles, permissions, groups. */
export const claimNames = (description: string, fallback: string[]) =>
  list(claimName('A claim: a list of texts, or one text with spaces between them.'), description, {
    maxItems: 16,
    default: fallback,
  });
