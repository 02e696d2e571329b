/** What the local cluster is built from. The Go modules are pinned by the go.mod and go.sum files below `build/`. */

export const kubernetesVersion = 'v1.36.3';
const containerdVersion = 'v2.4.2';
const helmVersion = 'v3.22.0';

/** One Go module below `build/`, and the programs made from it. */
export interface GoModule {
  /** Folder below `build/`. */
  readonly name: string;
  /** What `go build` makes: the packages of the `tool` lines of its go.mod, or the module itself. */
  readonly target: 'tool' | '.';
  /** Names of the programs, each with the name `go build` gives it where that differs. */
  readonly programs: ReadonlyArray<{ readonly name: string; readonly builtAs?: string }>;
  /** `-X` assignments of the linker: without them the programs name themselves v0.0.0. */
  readonly variables: Readonly<Record<string, string>>;
}

const [kubernetesMajor = '', kubernetesMinor = ''] = kubernetesVersion.slice(1).split('.');
const kubernetes = 'k8s.io/component-base/version';
const helm = 'helm.sh/helm/v3';

/** Built in this order, one after the other: each build uses all cores. */
export const goModules: readonly GoModule[] = [
  { name: 'pause', target: '.', programs: [{ name: 'pause' }], variables: {} },
  { name: 'backend', target: '.', programs: [{ name: 'backend' }], variables: {} },
  { name: 'etcd', target: 'tool', programs: [{ name: 'etcd', builtAs: 'server' }], variables: {} },
  {
    name: 'containerd',
    target: 'tool',
    programs: [{ name: 'containerd' }, { name: 'containerd-shim-runc-v2' }, { name: 'ctr' }],
    variables: { 'github.com/containerd/containerd/v2/version.Version': containerdVersion },
  },
  {
    name: 'helm',
    target: 'tool',
    programs: [{ name: 'helm' }],
    variables: {
      [`${helm}/internal/version.version`]: helmVersion,
      // What `helm lint` and `helm template` take the cluster for when there is none.
      [`${helm}/pkg/lint/rules.k8sVersionMajor`]: kubernetesMajor,
      [`${helm}/pkg/lint/rules.k8sVersionMinor`]: kubernetesMinor,
      [`${helm}/pkg/chartutil.k8sVersionMajor`]: kubernetesMajor,
      [`${helm}/pkg/chartutil.k8sVersionMinor`]: kubernetesMinor,
    },
  },
  { name: 'coredns', target: 'tool', programs: [{ name: 'coredns' }], variables: {} },
  {
    name: 'kubernetes',
    target: 'tool',
    programs: [
      { name: 'kube-apiserver' },
      { name: 'kube-controller-manager' },
      { name: 'kube-proxy' },
      { name: 'kube-scheduler' },
      { name: 'kubectl' },
      { name: 'kubelet' },
    ],
    variables: {
      [`${kubernetes}.gitVersion`]: kubernetesVersion,
      [`${kubernetes}.gitMajor`]: kubernetesMajor,
      [`${kubernetes}.gitMinor`]: kubernetesMinor,
    },
  },
];
