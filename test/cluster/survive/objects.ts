/** A GatewayRoute for the host `NAME.example.com`. */
export function routeObject(namespace: string, name: string, rules: readonly object[]): object {
  return {
    apiVersion: 'portreeve.dev/v1alpha1',
    kind: 'GatewayRoute',
    metadata: { name, namespace },
    spec: { hosts: [`${name}.example.com`], rules },
  };
}

/** A rule for everything, to a Service. */
export const toService = (name: string): object => ({ backends: [{ service: { name, port: 'http' } }] });
