import { Type } from 'typebox';
import {
  choice,
  exactlyOneOf,
  fields,
  label,
  list,
  objectName,
  portNumberOrName,
  text,
} from '../../lib/schema.ts';

const service = fields(
  {
    name: objectName('Name of the Service.'),
    port: portNumberOrName('Port of the Service, by number or by name.'),
    namespace: Type.Optional(label("Namespace of the Service; none: the route's own.")),
    by: Type.Optional(
      choice(
        ['endpoints', 'name'],
        "How it is reached: `endpoints`: its ready endpoints, directly; `name`: its DNS name, so that a mesh's sidecar or kube-proxy balances; none: as `services.by` of the gateway's configuration says.",
      ),
    ),
  },
  'A Service.',
);

const TARGETS = ['service', 'url', 'addresses'] as const;

const target = {
  service: Type.Optional(service),
  url: Type.Optional(
    text('`http://` or `https://`, a host and a port: `https://api.example.com:8443`. No path, no user.', {
      pattern: '^https?://[^/?#@\\s]+/?$',
      maxLength: 512,
      'x-hint': 'write http:// or https://, a host and perhaps a port, without a path',
    }),
  ),
  addresses: Type.Optional(
    list(
      text('`ip:port` or `[ip6]:port`, in plain HTTP.', {
        pattern: '^([0-9.]+|\\[[0-9A-Fa-f:.]+\\]):[0-9]{1,5}$',
        maxLength: 64,
        'x-hint': 'write 127.0.0.1:9001 or [::1]:9001',
      }),
      'Addresses that serve the same thing.',
      { minItems: 1, maxItems: 64 },
    ),
  ),
  host: Type.Optional(
    text(
      "Sent as Host to this backend; none: the rule's rewrite, else the client's, and for a URL its own.",
      {
        minLength: 1,
        maxLength: 255,
        pattern: '^[A-Za-z0-9._:\\[\\]-]+$',
        'x-hint': 'a host name or address',
      },
    ),
  ),
};

export const backend = exactlyOneOf(
  TARGETS,
  {
    ...target,
    weight: Type.Integer({
      description: 'Share of the requests, relative to the other backends of the rule. 0 takes none.',
      default: 1,
      minimum: 0,
      maximum: 1_000_000,
    }),
  },
  'Where requests go: exactly one of service, url, addresses.',
);

export const mirror = exactlyOneOf(
  TARGETS,
  {
    ...target,
    percent: Type.Number({
      description: 'Share of the requests that are copied there, in percent.',
      default: 100,
      minimum: 0,
      maximum: 100,
    }),
  },
  'Where copies of requests go; their answers are thrown away.',
);
