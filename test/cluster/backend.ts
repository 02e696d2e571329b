import { backendImage } from './image-set.ts';

/** How the tests' backend is deployed. */
export interface BackendOptions {
  /** Name of the Deployment, of the Service, and value of the pods' label `app`. */
  readonly name: string;
  readonly namespace?: string;
  readonly replicas?: number;
  /** Variables of the server, see `build/backend/settings.go`. */
  readonly env?: Readonly<Record<string, string>>;
  readonly terminationGracePeriodSeconds?: number;
}

const containerPort = 8080;

/**
 * A Deployment of the tests' backend, its Service NAME (port 80 to the pods' 8080), and the headless Service
 * NAME-headless.
 */
export function backendObjects(options: BackendOptions): readonly object[] {
  const { name, namespace = 'default' } = options;
  const selector = { app: name };
  const ports = [{ name: 'http', port: 80, targetPort: containerPort }];
  const service = (serviceName: string, extra: object): object => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: serviceName, namespace },
    spec: { selector, ports, ...extra },
  });
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: {
      replicas: options.replicas ?? 1,
      selector: { matchLabels: selector },
      template: { metadata: { labels: selector }, spec: podSpec(options) },
    },
  };
  return [deployment, service(name, {}), service(`${name}-headless`, { clusterIP: 'None' })];
}

function podSpec({ env = {}, terminationGracePeriodSeconds = 30 }: BackendOptions): object {
  const variables = Object.entries(env).map(([name, value]) => ({ name, value }));
  return {
    terminationGracePeriodSeconds,
    containers: [
      {
        name: 'backend',
        image: backendImage,
        imagePullPolicy: 'Never',
        env: variables,
        ports: [{ name: 'http', containerPort }],
        readinessProbe: {
          httpGet: { path: '/healthz', port: 'http' },
          periodSeconds: 1,
          failureThreshold: 1,
        },
      },
    ],
  };
}
