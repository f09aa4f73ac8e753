// The life of one pod on the node: scheduled, given an address, its containers started, ready,
// restarted when they end, and ended when the pod is deleted. Each step is one write of the status.
//
//   Pending -> scheduled -> address, ContainerCreating -> Running -> Ready -+-> gone
//                                                   ^--- back-off <- exit <-+
import { ApiError } from '../status.mjs';
import { Pretence, Process } from './container.mjs';
import { environmentOf } from './environment.mjs';
import { failureOf, planFor } from './plans.mjs';
import { Prober, portOf } from './probes.mjs';

const NOT_READY = 'ContainersNotReady';

const condition = (type, holds, since, why = {}) => ({
  type, status: holds ? 'True' : 'False', lastProbeTime: null, lastTransitionTime: since, ...why,
});

// One container with its present and its previous run.
class Container {
  state = { waiting: { reason: 'ContainerCreating' } };
  lastState = {};
  ready = false;
  restartCount = 0;
  runs = 0;
  probers = [];

  constructor(spec, plan) {
    Object.assign(this, { spec, plan });
  }

  status(uid) {
    const { name, image } = this.spec;
    const running = this.state.running !== undefined;
    return {
      name,
      state: this.state,
      lastState: this.lastState,
      ready: this.ready,
      restartCount: this.restartCount,
      image,
      imageID: `fake://${image}`,
      ...(running ? { containerID: `fake://${uid}-${this.runs - 1}` } : {}),
      started: running,
    };
  }

  stopProbing() {
    for (const prober of this.probers) prober.stop();
    this.probers = [];
  }
}

export class PodLife {
  #ended = false;
  #ending = false;
  #timers = new Set();
  #since = {};

  constructor(node, pod) {
    Object.assign(this, { node, uid: pod.metadata.uid });
    this.namespace = pod.metadata.namespace;
    this.name = pod.metadata.name;
    this.spec = pod.spec;
    this.containers = pod.spec.containers.map((one) => (
      new Container(one, planFor(pod, one, node.options))));
  }

  // Runs `act` after a time unless the pod has ended by then.
  #after(ms, act, options) {
    const cancel = this.node.loop.after(ms, () => {
      this.#timers.delete(cancel);
      if (!this.#ended) act();
    }, options);
    this.#timers.add(cancel);
  }

  #time() {
    return this.node.registry.time();
  }

  start() {
    const fails = this.containers.find((one) => one.plan.fail)?.plan.fail;
    this.#after(this.node.options.stepMs, () => {
      if (fails === 'Unschedulable') {
        this.node.refuseSchedule(this);
        return;
      }
      this.node.bind(this);
      this.#after(this.node.options.stepMs, () => this.#prepare(fails));
    });
  }

  #prepare(fails) {
    if (this.#ending) return;
    this.startTime = this.#time();
    this.addresses = this.node.giveAddresses();
    if (fails) {
      this.#fail(fails);
      return;
    }
    this.#report();
    this.#after(this.node.options.stepMs, () => {
      for (const container of this.containers) this.#run(container);
    });
  }

  get address() {
    return this.addresses?.[0];
  }

  #fail(fail) {
    for (const container of this.containers) {
      const { phase, reason, message, log, ...shown } = failureOf(fail, container.spec.image,
        this.#time());
      Object.assign(container, shown);
      Object.assign(this, { phase, reason, message });
      if (log) {
        container.previous = new Pretence({ log }, { now: this.node.registry.now, onExit() {} });
        container.previous.signal('SIGKILL');
      }
    }
    this.#report();
    this.node.reportFailure(this, fail);
    if (fail === 'ErrImagePull') {
      this.#after(1000, () => this.#fail('ImagePullBackOff'), { idle: true });
    }
  }

  #run(container) {
    if (this.#ending) return;
    const now = this.node.registry.now;
    const onExit = (result) => this.#onExit(container, result);
    container.previous = container.run;
    if (container.plan.command) {
      const port = portOf(container.spec, container.spec.ports?.[0]?.containerPort) ?? 0;
      const env = environmentOf(this.node.registry, this, container.spec, port);
      if (env.missing) {
        this.#wait(container, 'CreateContainerConfigError', env.missing);
        return;
      }
      container.run = new Process({
        command: container.plan.command, args: container.spec.args, env: env.values, port,
        address: this.address, pod: this.name, namespace: this.namespace,
        directory: container.plan.directory,
      }, { now, onExit });
    } else {
      container.run = new Pretence({ log: container.plan.log }, { now, onExit });
    }
    container.runs += 1;
    container.state = { running: { startedAt: this.#time() } };
    this.#report();
    this.#awaitReadiness(container);
  }

  // A container that cannot be made is tried again.
  #wait(container, reason, message) {
    container.state = { waiting: { reason, message } };
    this.#report();
    this.#after(this.node.options.backOffMs, () => this.#run(container), { idle: true });
  }

  #awaitReadiness(container) {
    const { readinessProbe, livenessProbe, startupProbe } = container.spec;
    const setReady = (ready) => {
      if (container.ready === ready || container.state.running === undefined) return;
      container.ready = ready;
      this.#report();
    };
    const probe = (one, onVerdict) => {
      const prober = new Prober(this.node.loop, {
        probe: one, container: container.spec, address: this.address, onVerdict,
      });
      container.probers.push(prober);
      prober.start();
      return prober;
    };
    const afterStart = () => {
      if (container.plan.command && readinessProbe) probe(readinessProbe, setReady);
      else {
        const { run } = container;
        const ms = container.plan.command ? 0 : container.plan.readyAfterMs;
        this.#after(ms, () => container.run === run && setReady(true));
      }
      if (container.plan.command && livenessProbe) {
        probe(livenessProbe, (alive) => alive || container.run.signal('SIGKILL'));
      }
    };
    if (!container.plan.command || !startupProbe) {
      afterStart();
      return;
    }
    const starting = probe(startupProbe, (started) => {
      starting.stop();
      if (started) afterStart();
      else container.run.signal('SIGKILL');
    });
  }

  #onExit(container, { exitCode }) {
    if (this.#ended) return;
    container.stopProbing();
    container.ready = false;
    const terminated = {
      exitCode,
      reason: exitCode === 0 ? 'Completed' : 'Error',
      startedAt: `${container.run.startedAt.toISOString().slice(0, 19)}Z`,
      finishedAt: this.#time(),
      containerID: `fake://${this.uid}-${container.runs - 1}`,
    };
    if (exitCode === 137 && container.plan.oom) terminated.reason = 'OOMKilled';
    if (this.#ending || !this.#restarts(exitCode)) {
      container.state = { terminated };
      if (!this.#ending || container.plan.command) this.#report();
      this.#finishIfOver();
      return;
    }
    container.lastState = { terminated };
    container.restartCount += 1;
    container.state = {
      waiting: {
        reason: 'CrashLoopBackOff', message: 'back-off restarting failed container',
      },
    };
    this.#report();
    const { backOffMs } = this.node.options;
    const delay = Math.min(300_000, backOffMs * 2 ** (container.restartCount - 1));
    this.#after(delay, () => this.#run(container), { idle: true });
  }

  #restarts(exitCode) {
    const { restartPolicy } = this.spec;
    return restartPolicy === 'Always' || (restartPolicy === 'OnFailure' && exitCode !== 0);
  }

  #currentPhase() {
    if (this.phase) return this.phase;
    const ended = this.containers.map((one) => one.state.terminated);
    if (ended.every(Boolean) && !this.#ending) {
      return ended.every((one) => one.exitCode === 0) ? 'Succeeded' : 'Failed';
    }
    return this.containers.every((one) => one.runs > 0) ? 'Running' : 'Pending';
  }

  // When a condition took its present value.
  #sinceOf(type, holds) {
    if (this.#since[type]?.holds !== holds) this.#since[type] = { holds, time: this.#time() };
    return this.#since[type].time;
  }

  #report() {
    const ready = this.containers.every((one) => one.ready);
    const unready = this.containers.filter((one) => !one.ready).map((one) => one.spec.name);
    const why = ready ? {} : {
      reason: NOT_READY, message: `containers with unready status: [${unready.join(' ')}]`,
    };
    const conditions = [
      condition('Initialized', true, this.#sinceOf('Initialized', true)),
      condition('ContainersReady', ready, this.#sinceOf('ContainersReady', ready), why),
      condition('Ready', ready, this.#sinceOf('Ready', ready), why),
    ];
    this.node.writeStatus(this, {
      phase: this.#currentPhase(),
      conditions,
      ...(this.reason ? { reason: this.reason, message: this.message } : {}),
      hostIP: '127.0.0.1',
      hostIPs: [{ ip: '127.0.0.1' }],
      podIP: this.address,
      podIPs: this.addresses.map((ip) => ({ ip })),
      startTime: this.startTime,
      containerStatuses: this.containers.map((one) => one.status(this.uid)),
    });
  }

  // The pod is to be deleted: SIGTERM, then SIGKILL when the grace is over.
  terminate(graceSeconds) {
    if (this.#ending || this.#ended) return;
    this.#ending = true;
    this.#after(this.node.options.stepMs, () => {
      for (const { run } of this.containers) run?.signal('SIGTERM');
      this.#finishIfOver();
    });
    this.#after(graceSeconds * 1000, () => {
      for (const { run } of this.containers) run?.signal('SIGKILL');
    });
  }

  #finishIfOver() {
    if (!this.#ending || this.containers.some(({ run }) => run && !run.exited)) return;
    try {
      this.node.forget(this);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
  }

  // It is gone from the store, or the fake ends.
  end() {
    this.#ended = true;
    for (const cancel of this.#timers) cancel();
    for (const container of this.containers) {
      container.stopProbing();
      container.run?.signal('SIGKILL');
    }
  }
}
