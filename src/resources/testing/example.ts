/** One document of each kind that uses most of its fields. */
export const EXAMPLE_YAML = `apiVersion: portreeve.dev/v1alpha1
kind: GatewayRoute
metadata: { name: users, namespace: shop }
spec:
  hosts: [api.example.com, "*.api.example.com"]
  listeners: [https]
  policies:
  - cors: { origins: ["https://shop.example.com"], credentials: true }
  - jwt:
      issuer: https://id.example.com
      audiences: [api]
      jwks: { url: https://id.example.com/.well-known/jwks.json, refresh: 10m }
      claimsToVerify: [exp, nbf]
  - rateLimit: { ref: standard }
  rules:
  - name: read
    matches:
    - path: { prefix: /api/v1/users }
      methods: [GET, HEAD]
    - path: { template: "/api/v1/users/{id}/orders" }
      headers: [{ name: x-tenant, exact: acme }]
    backends:
    - service: { name: users, port: http }
      weight: 90
    - service: { name: users-canary, port: http }
      weight: 10
    timeouts: { request: 30s, backend: 5s }
    retry: { attempts: 3, when: [connect, reset, "502", "503"], backoff: { exponential: { base: 25ms, max: 1s } }, budget: 20% }
    policies:
    - cache: { ttl: 60s, staleIfError: 1h }
    - require: { permissions: [users:read] }
  - name: write
    matches: [{ path: { prefix: /api/v1/users }, methods: [POST, PUT, DELETE] }]
    backends: [{ service: { name: users, port: http } }]
    policies:
    - require: { permissions: [users:write] }
    - validate: { body: { schema: { type: object, required: [name] } } }
  - name: old
    matches: [{ path: { prefix: /users } }]
    redirect: { path: { replacePrefix: /api/v1/users }, status: 308 }
---
apiVersion: portreeve.dev/v1alpha1
kind: RateLimitPolicy
metadata: { name: standard, namespace: shop }
spec:
  scope: cluster
  store: { redis: { ref: shared-redis }, onFailure: open }
  limits:
  - name: per-key
    key: [{ apiKey: {} }]
    tokenBucket: { capacity: 100, rate: 10/s }
  - name: per-user
    key: [{ claim: sub }]
    windows: { minute: 100, hour: 10000 }
  - name: per-address
    key: [{ clientAddress: { prefix4: 32, prefix6: 64 } }]
    tokenBucket: { capacity: 20, rate: 5/s }
    shadow: true
---
apiVersion: portreeve.dev/v1alpha1
kind: Consumer
metadata: { name: acme, namespace: shop }
spec:
  groups: [partners]
  roles: [editor]
  credentials:
  - apiKey: { secretRef: { name: acme-key, key: key } }
  - jwt: { claim: iss, equals: acme }
  rateLimit: { ref: gold }
`;
