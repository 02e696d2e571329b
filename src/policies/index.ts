import type { AuthenticatorPolicy } from '../pipeline/authenticator.ts';
import type { PolicyCatalogue, PolicySpec } from '../pipeline/policy.ts';
import { apiKey } from './api-key.ts';
import { authenticate } from './authenticate.ts';
import { basic } from './basic/index.ts';
import { requestBody } from './body/request.ts';
import { responseBody } from './body/response.ts';
import { bodyLimit } from './body-limit.ts';
import { cache } from './cache/index.ts';
import { compress } from './compress/index.ts';
import { concurrencyLimit } from './concurrency-limit.ts';
import { cors } from './cors.ts';
import { csrf } from './csrf.ts';
import { decompressRequest } from './decompress-request.ts';
import { errorPages } from './error-pages.ts';
import { externalAuthorization } from './external-authorization/index.ts';
import { fault } from './fault.ts';
import { requestHeaders } from './headers/request.ts';
import { responseHeaders } from './headers/response.ts';
import { hmac } from './hmac/index.ts';
import { identityHeaders } from './identity-headers.ts';
import { introspection } from './introspection/index.ts';
import { ipAccess } from './ip-access.ts';
import { jwt } from './jwt/index.ts';
import { oidc } from './oidc/index.ts';
import { overload } from './overload.ts';
import { pathMap } from './path-map.ts';
import { rateLimit } from './rate-limit/index.ts';
import { requestQuery } from './request-query.ts';
import { require } from './require/index.ts';
import { securityHeaders } from './security-headers.ts';
import { signature } from './signature/index.ts';
import { statusMap } from './status-map.ts';
import { validate } from './validate/index.ts';

/** Ways to authenticate, one line each: a policy of its own, and a member of `authenticate`. */
const AUTHENTICATORS: readonly AuthenticatorPolicy[] = [
  apiKey,
  basic,
  hmac,
  introspection,
  jwt,
  oidc,
  signature,
];

/** Every other policy: one line each. */
const POLICIES: readonly PolicySpec[] = [
  authenticate(AUTHENTICATORS),
  bodyLimit,
  compress,
  cache,
  concurrencyLimit,
  cors,
  csrf,
  decompressRequest,
  errorPages,
  externalAuthorization,
  fault,
  identityHeaders,
  ipAccess,
  overload,
  pathMap,
  rateLimit,
  requestBody,
  requestHeaders,
  requestQuery,
  responseBody,
  require,
  responseHeaders,
  securityHeaders,
  statusMap,
  validate,
];

export const policyCatalogue: PolicyCatalogue = new Map(
  [...AUTHENTICATORS, ...POLICIES].map((spec) => [spec.name, spec]),
);
