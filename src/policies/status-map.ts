import { Type } from 'typebox';
import { choice, fields } from '../lib/schema.ts';
import { definePolicy } from '../pipeline/policy.ts';

const PRESETS: Readonly<Record<string, readonly (readonly [from: number, to: number])[]>> = {
  none: [],
  standard: [
    [501, 404],
    [502, 503],
    [503, 504],
  ],
};

const schema = fields(
  {
    preset: choice(['none', 'standard'], '`standard`: 501 becomes 404, 502 becomes 503, 503 becomes 504.', {
      default: 'none',
    }),
    map: Type.Array(
      fields(
        {
          from: Type.Integer({ description: 'Status that the backend answers.', minimum: 400, maximum: 599 }),
          to: Type.Integer({ description: 'Status that the client gets.', minimum: 200, maximum: 599 }),
        },
        'One status.',
      ),
      {
        description: 'Entries go before the preset. A status is mapped once.',
        maxItems: 64,
        default: [],
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['from'],
      },
    ),
  },
  "Gives the client another status than the backend's; the body stays. The gateway's own answers keep theirs.",
);

export const statusMap = definePolicy({
  name: 'statusMap',
  phase: 'upstream',
  summary: 'Maps the status codes of backends to those that clients shall see.',
  schema,
  bind({ preset, map }) {
    const statuses = new Map(PRESETS[preset]);
    for (const { from, to } of map) statuses.set(from, to);
    return {
      onResponse({ response }) {
        if (response.madeHere) return;
        const to = statuses.get(response.status);
        if (to !== undefined) response.setStatus(to);
      },
    };
  },
});
