import { Type } from 'typebox';
import { choice, fields, listByName, text } from '../lib/schema.ts';

const condition = fields(
  {
    type: text('Accepted, ResolvedRefs, Programmed or Shadowed.', {
      maxLength: 316,
      pattern: '^[A-Za-z]([A-Za-z0-9_./-]*[A-Za-z0-9])?$',
    }),
    status: choice(['True', 'False', 'Unknown'], 'Whether the condition holds.'),
    observedGeneration: Type.Optional(
      Type.Integer({ description: 'metadata.generation that the condition speaks of.', minimum: 0 }),
    ),
    lastTransitionTime: Type.String({ description: 'When the status last changed.', format: 'date-time' }),
    reason: text('One word in CamelCase for programs.', { minLength: 1 }),
    message: text('What is wrong, where, and what to do.', { maxLength: 32768 }),
  },
  'One aspect of the state of the object.',
);

const conditions = Type.Array(condition, {
  description: 'Current state of the object.',
  maxItems: 16,
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
});

/** Written by the controller; read by people and `kubectl wait`. */
export const status = fields(
  { conditions: Type.Optional(conditions) },
  'What the controller made of the object.',
);

export const routeStatus = fields(
  {
    conditions: Type.Optional(conditions),
    rules: Type.Optional(
      listByName(
        fields(
          {
            name: text('Name of the rule, or its index.', { maxLength: 63 }),
            conditions: Type.Optional(conditions),
          },
          'State of one rule.',
        ),
        'Rules whose state differs from that of the whole route.',
        { maxItems: 64 },
      ),
    ),
  },
  'What the controller made of the route.',
);
