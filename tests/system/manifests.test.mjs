// deploy/kubernetes, read without a cluster: every object against the OpenAPI documents of a real
// API server, and what the files say about each other and about the executables. What the gateway
// does with it is in kubernetes_pod.test.mjs.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { before, describe, test } from 'node:test';
import { readRecordings } from '../fakes/kubernetes/replay/recordings.mjs';
import {
  bundle, filesIn, named, patchOf, rightsOf, seccompProfile,
} from './lib/manifests.mjs';
import { ObjectChecker } from './lib/openapi.mjs';
import { complaintsOfPod, workloads } from './lib/pod_rules.mjs';
import { BIN, ROOT } from './lib/programs.mjs';

const gateway = bundle();
const seccomp = bundle('seccomp');
const keys = bundle('session-keys');
const all = [...gateway.objects, ...seccomp.objects];
const deployment = named(gateway.objects, 'Deployment', 'mcp-gateway');
const { spec: pod, metadata: podMetadata } = deployment.spec.template;
const settings = named(gateway.objects, 'ConfigMap', 'mcp-gateway-settings').data;
const container = (name) => pod.containers.find((one) => one.name === name);

const called = ({ kind, metadata }) => `${kind} ${metadata.name}`;
const contains = (labels = {}, wanted) => (
  Object.entries(wanted).every(([name, value]) => labels[name] === value));

// What a container takes from outside of the bundle.
const GIVEN = new Set([
  'ConfigMap kube-root-ca.crt', 'Secret mcp-gateway-session-keys', 'Secret mcp-gateway-secrets',
]);

describe('objects', () => {
  let checker;
  before(() => (checker = new ObjectChecker()));

  for (const object of all) {
    test(`${called(object)} is well-formed`, () => {
      assert.deepEqual(checker.complaints(object), []);
    });
  }

  test('patches are objects, as far as they go', () => {
    const [patch] = keys.patches.flatMap((file) => patchOf('session-keys', file));
    const whole = structuredClone(patch);
    whole.spec.selector = {};
    for (const one of whole.spec.template.spec.containers) one.image = 'x';
    assert.deepEqual(checker.complaints(whole), []);
  });

  test('the shapes of kinds without a document are those that a server has taken', () => {
    const recordings = readRecordings();
    for (const number of [22, 23, 175]) {
      const { request, response } = recordings.get(number);
      for (const { body } of [request, response]) {
        assert.deepEqual(checker.complaints(JSON.parse(body)), [], `recording ${number}`);
      }
    }
  });

  test('a check that finds nothing could have found something', () => {
    const wrong = [
      [deployment, (one) => (one.spec.template.spec.containers[0].imagePullpolicy = 'Always')],
      [deployment, (one) => (one.spec.replicas = 'one')],
      [deployment, (one) => delete one.spec.selector],
      [named(all, 'Role'), (one) => (one.rules[0].verb = ['get'])],
      [named(all, 'PodDisruptionBudget'), (one) => (one.spec.maxUnavailable = true)],
      [named(all, 'NetworkPolicy', 'mcp-gateway'), (one) => (one.spec.ingress[0].to = [])],
      [named(all, 'Role'), (one) => (one.apiVersion = 'rbac.authorization.k8s.io/v1beta1')],
    ];
    for (const [object, change] of wrong) {
      const changed = structuredClone(object);
      change(changed);
      assert.notDeepEqual(checker.complaints(changed), [], `${called(object)}: ${change}`);
    }
  });
});

describe('the bundle', () => {
  const folders = { '.': gateway, seccomp, 'session-keys': keys };
  for (const [folder, { files }] of Object.entries(folders)) {
    test(`${folder}: every file is named once, every named file is there`, () => {
      assert.deepEqual(filesIn(folder).sort(), [...files, 'kustomization.yaml'].sort());
    });
  }

  test('kustomizations know their kind, and the same image', () => {
    assert.equal(gateway.kustomization.kind, 'Kustomization');
    assert.equal(seccomp.kustomization.kind, 'Kustomization');
    assert.equal(keys.kustomization.kind, 'Component');
    assert.deepEqual(gateway.kustomization.images, seccomp.kustomization.images);
    const [{ name, newTag }] = gateway.kustomization.images;
    const version = execFileSync(join(BIN, 'mcp-gateway'), ['version'], { encoding: 'utf8' });
    assert.ok(version.includes(newTag), `${version} is ${newTag}`);
    for (const { spec } of workloads(all)) {
      const { containers, initContainers = [] } = spec.template.spec;
      for (const one of [...containers, ...initContainers]) assert.equal(one.image, name);
    }
  });

  test('namespaces of all objects are declared', () => {
    const declared = all.filter((one) => one.kind === 'Namespace').map((one) => one.metadata.name);
    for (const object of all.filter((one) => one.kind !== 'Namespace')) {
      assert.ok(declared.includes(object.metadata.namespace), called(object));
    }
    assert.ok(declared.includes(settings.MCP_GATEWAY_NAMESPACE));
  });
});

describe('names agree', () => {
  test('a workload selects its own pods', () => {
    for (const one of workloads(all)) {
      const { selector, template } = one.spec;
      assert.ok(contains(template.metadata.labels, selector.matchLabels), called(one));
    }
  });

  test('services, budget and policy are those of the gateway', () => {
    const { labels } = podMetadata;
    for (const service of gateway.objects.filter((one) => one.kind === 'Service')) {
      assert.ok(contains(labels, service.spec.selector), called(service));
    }
    const budget = named(gateway.objects, 'PodDisruptionBudget');
    assert.ok(contains(labels, budget.spec.selector.matchLabels));
    const own = named(gateway.objects, 'NetworkPolicy', 'mcp-gateway');
    assert.ok(contains(labels, own.spec.podSelector.matchLabels));
    const servers = named(gateway.objects, 'NetworkPolicy', 'servers-from-gateway-only');
    const [{ from: [{ podSelector, namespaceSelector }] }] = servers.spec.ingress;
    assert.ok(contains(labels, podSelector.matchLabels));
    assert.equal(namespaceSelector.matchLabels['kubernetes.io/metadata.name'],
      deployment.metadata.namespace);
    assert.equal(servers.metadata.namespace, settings.MCP_GATEWAY_NAMESPACE);
  });

  test('ports of services, policies and probes are ports of the data plane, and it listens', () => {
    const ports = new Map(container('dataplane').ports.map((one) => [one.name, one.containerPort]));
    for (const { spec } of gateway.objects.filter((one) => one.kind === 'Service')) {
      for (const { port, targetPort } of spec.ports) assert.equal(ports.get(targetPort), port);
    }
    const { spec: { ingress } } = named(gateway.objects, 'NetworkPolicy', 'mcp-gateway');
    for (const { port } of ingress.flatMap((one) => one.ports)) assert.ok(ports.has(port), port);
    const { livenessProbe, readinessProbe } = container('dataplane');
    assert.deepEqual([livenessProbe.httpGet.port, readinessProbe.httpGet.port], ['admin', 'admin']);
    const portOf = (address) => Number(/:([0-9]+)$/.exec(address)[1]);
    assert.equal(portOf(settings.MCP_GATEWAY_LISTEN), ports.get('http'));
    assert.equal(portOf(settings.MCP_GATEWAY_ADMIN_LISTEN), ports.get('admin'));
  });

  test('whatever a pod refers to is there', () => {
    const there = new Set([...all.map(called), ...GIVEN]);
    const { spec: patched } = patchOf('session-keys', keys.patches[0])[0].spec.template;
    for (const spec of [...workloads(all).map((one) => one.spec.template.spec), patched]) {
      const { containers, volumes, serviceAccountName } = spec;
      const wanted = [
        serviceAccountName && `ServiceAccount ${serviceAccountName}`,
        ...containers.flatMap((one) => one.envFrom ?? []).map(({ configMapRef, secretRef }) => (
          configMapRef ? `ConfigMap ${configMapRef.name}` : `Secret ${secretRef.name}`)),
        ...volumes.flatMap(({ persistentVolumeClaim, configMap, secret, projected }) => [
          persistentVolumeClaim && `PersistentVolumeClaim ${persistentVolumeClaim.claimName}`,
          configMap && `ConfigMap ${configMap.name}`,
          secret && `Secret ${secret.secretName}`,
          ...(projected?.sources ?? []).map((one) => (
            one.configMap && `ConfigMap ${one.configMap.name}`)),
        ]),
      ].filter(Boolean);
      for (const name of wanted) assert.ok(there.has(name), name);
    }
  });

  test('the Role is bound to the account of the pod, and to nobody else', () => {
    const { subjects } = named(gateway.objects, 'RoleBinding');
    const { namespace } = deployment.metadata;
    const name = pod.serviceAccountName;
    assert.deepEqual(subjects, [{ kind: 'ServiceAccount', name, namespace }]);
    const rights = rightsOf(name, namespace);
    assert.ok(rights.length > 0);
    for (const rule of rights) {
      assert.deepEqual(rule.namespaces, [settings.MCP_GATEWAY_NAMESPACE]);
      for (const value of [...rule.verbs, ...rule.resources, ...rule.apiGroups]) {
        assert.notEqual(value, '*');
      }
      assert.ok(!rule.resources.includes('secrets'));
    }
  });
});

describe('pods', () => {
  for (const one of workloads(all)) {
    test(`${called(one)} has what it mounts, and no more rights than it needs`, () => {
      const isPrivileged = one.metadata.namespace === 'mcp-gateway-nodes';
      assert.deepEqual(complaintsOfPod(one.spec.template.spec, { isPrivileged }), []);
    });
  }

  test('so has the one with keys from a Secret', () => {
    const [patch] = patchOf('session-keys', keys.patches[0]);
    const { initContainers, containers, volumes } = patch.spec.template.spec;
    const merged = structuredClone(pod);
    merged.initContainers = initContainers;
    merged.volumes.push(...volumes);
    const [{ name, env, volumeMounts }] = containers;
    const changed = merged.containers.find((one) => one.name === name);
    changed.volumeMounts.push(...volumeMounts);
    assert.deepEqual(complaintsOfPod(merged, {}), []);
    const [copy] = initContainers;
    const [{ value }] = env;
    assert.equal(copy.args.at(-1), value);
    assert.ok(value.startsWith(volumeMounts[0].mountPath));
  });

  test('the rules of pods find what is wrong', () => {
    const wrong = [
      (one) => (one.containers[0].volumeMounts[0].name = 'nowhere'),
      (one) => one.volumes.push({ name: 'unused', emptyDir: {} }),
      (one) => (one.containers[1].securityContext.capabilities.drop = []),
      (one) => delete one.securityContext.runAsNonRoot,
      (one) => (one.containers[0].securityContext.seccompProfile.type = 'Unconfined'),
      (one) => delete one.containers[1].resources.limits.memory,
      (one) => (one.volumes[0].hostPath = { path: '/' }),
      (one) => (one.enableServiceLinks = true),
    ];
    for (const change of wrong) {
      const changed = structuredClone(pod);
      change(changed);
      assert.equal(complaintsOfPod(changed, {}).length, 1, String(change));
    }
  });

  test('only the control plane has a token, and secrets of servers', () => {
    assert.equal(pod.automountServiceAccountToken, false);
    const mounts = (name) => container(name).volumeMounts.map((one) => one.mountPath);
    const TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount';
    assert.ok(mounts('controlplane').includes(TOKEN));
    assert.ok(!mounts('dataplane').includes(TOKEN));
    const secretsOf = (name) => container(name).envFrom.filter((one) => one.secretRef);
    assert.deepEqual(secretsOf('dataplane'), []);
    // Without any the gateway starts all the same.
    assert.deepEqual(secretsOf('controlplane').map((one) => one.secretRef.optional), [true]);
  });

  test('the planes share a volume of sockets, and not their data', () => {
    const [sockets] = container('dataplane').volumeMounts;
    assert.deepEqual(container('controlplane').volumeMounts[0], sockets);
    for (const name of ['dataplane', 'controlplane']) {
      for (const arg of container(name).args.filter((one) => one.includes('-socket='))) {
        assert.ok(arg.split('=')[1].startsWith(`${sockets.mountPath}/`), arg);
      }
    }
    const stores = ['dataplane', 'controlplane'].map((name) => (
      container(name).volumeMounts.find((one) => one.name === 'store').subPath));
    assert.deepEqual(stores, ['dataplane', 'controlplane']);
  });

  test('there is time for the drain', () => {
    const drain = Number(settings.MCP_GATEWAY_DRAIN_SECONDS);
    for (const { lifecycle } of pod.containers) {
      const { seconds } = lifecycle.preStop.sleep;
      assert.ok(pod.terminationGracePeriodSeconds >= seconds + drain + 5);
    }
  });

  test('the profile is where the kubelet is told to look for it', () => {
    const { localhostProfile } = container('dataplane').securityContext.seccompProfile;
    const { spec } = named(seccomp.objects, 'DaemonSet').spec.template;
    const target = spec.initContainers[0].args.at(-1);
    const mounts = spec.initContainers[0].volumeMounts;
    const mount = mounts.find((one) => target.startsWith(one.mountPath));
    const volume = spec.volumes.find((one) => one.name === mount.name);
    assert.equal(volume.hostPath.path, '/var/lib/kubelet/seccomp');
    assert.equal(target, `${mount.mountPath}/${localhostProfile}`);
    const file = basename(localhostProfile);
    assert.ok(file in named(seccomp.objects, 'ConfigMap').data);
  });
});

describe('the executables', () => {
  const helpOf = (program) => (
    execFileSync(join(BIN, program), ['--help'], { encoding: 'utf8' }));
  const planes = ['mcp-gateway-dataplane', 'mcp-gateway-controlplane'];

  test('know every flag and every setting', () => {
    const known = planes.map(helpOf).join('\n');
    const variables = [
      ...Object.keys(settings),
      ...patchOf('session-keys', keys.patches[0])
        .flatMap((one) => one.spec.template.spec.containers).flatMap((one) => one.env)
        .map((one) => one.name),
    ];
    for (const name of variables) assert.ok(known.includes(`(Env:${name})`), name);
    for (const { command: [program], args } of pod.containers) {
      const help = helpOf(program);
      for (const flag of args.map((one) => one.split('=')[0])) {
        assert.match(help, new RegExp(`^ +${flag}\\b`, 'm'));
      }
    }
  });

  const recipe = readFileSync(join(ROOT, 'deploy/Containerfile'), 'utf8');
  const [building, final] = recipe.split(/^FROM .*$/m).slice(1);
  const programs = /--target ((mcp-gateway\S* ?)+)/.exec(building)[1].trim().split(' ');

  test('are in the image, with all that the manifests start', () => {
    const commands = pod.containers.map((one) => one.command[0]);
    for (const command of commands) assert.ok(programs.includes(command), command);
    assert.ok(programs.includes('mcp-gateway-shim') && programs.includes('mcp-gateway'));
    const user = Number(/^USER (\d+):\d+$/m.exec(final)[1]);
    assert.equal(user, pod.securityContext.runAsUser);
  });

  // Versions in names differ between releases of Debian; the image is of one release.
  const plain = (name) => name.replace(/t64$/, '').replace(/[-.0-9]+$/, '');
  const BASE = new Set(['libc', 'libgcc-s', 'libstdc++']);

  // Where the linker finds what the executables name themselves.
  function librariesOf(program) {
    const dynamic = execFileSync('readelf', ['-d', join(BIN, program)], { encoding: 'utf8' });
    const linked = execFileSync('ldd', [join(BIN, program)], { encoding: 'utf8' }).split('\n');
    return [...dynamic.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, library]) => {
      const line = linked.find((one) => one.trim().startsWith(`${library} =>`));
      return realpathSync(line.split(' => ')[1].split(' (')[0]);
    });
  }

  function packageOf(file) {
    const args = ['-S', `*${file.replace(/^\/usr/, '')}`];
    return plain(execFileSync('dpkg-query', args, { encoding: 'utf8' }).split(':')[0]);
  }

  test('are linked with the packages of the image, and with no others', () => {
    const installed = /--no-install-recommends ([^&]*)&&/.exec(final)[1].split(/[\s\\]+/)
      .filter(Boolean).map(plain).filter((name) => name !== 'ca-certificates');
    const libraries = new Set(programs.flatMap(librariesOf));
    const needed = new Set([...libraries].map(packageOf).filter((name) => !BASE.has(name)));
    assert.deepEqual([...needed].sort(), installed.sort());
  });
});

test('the seccomp profile allows rings, and nothing that reaches out of the container', () => {
  const { defaultAction, defaultErrnoRet, syscalls } = seccompProfile();
  assert.equal(defaultAction, 'SCMP_ACT_ERRNO');
  // ENOSYS, at which libraries take another way; at EPERM they give up.
  assert.equal(defaultErrnoRet, 38);
  assert.ok(syscalls.every((one) => one.action === 'SCMP_ACT_ALLOW'));
  const names = syscalls.filter((one) => !one.args).flatMap((one) => one.names);
  assert.equal(new Set(names).size, names.length, 'each name once');
  for (const name of ['io_uring_setup', 'io_uring_enter', 'io_uring_register']) {
    assert.ok(names.includes(name), name);
  }
  const refused = ('bpf clone clone3 execveat fsopen init_module keyctl mount move_mount open_tree'
    + ' perf_event_open pidfd_getfd pivot_root process_vm_readv process_vm_writev ptrace setns'
    + ' setuid socket umount2 unshare userfaultfd').split(' ');
  for (const name of refused) assert.ok(!names.includes(name), name);
});
