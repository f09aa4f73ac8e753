// What becomes of a pod: by the image of its containers, by annotations, or as usual.
//
// images: {"name or prefix*": plan}. A plan has
//   command        argv of a real process; {address} {port} {pod} {namespace} {args} are filled in
//   readyAfterMs   how long until a pretended container is ready
//   log            what a pretended container says
//   fail           ImagePullBackOff, ErrImagePull, CrashLoopBackOff, OOMKilled, Unschedulable,
//                  Evicted
// Annotations: fake/fail, fake/ready-after (seconds), fake/log, and fake/exec, which runs the
// container's own command on this machine.
const STARTED = 'fake container started';

function byImage(images, image = '') {
  if (images[image]) return images[image];
  const prefix = Object.keys(images)
    .filter((name) => name.endsWith('*') && image.startsWith(name.slice(0, -1)))
    .sort((a, b) => b.length - a.length)[0];
  return prefix === undefined ? undefined : images[prefix];
}

// The plan for one container of a pod.
export function planFor(pod, container, { images, readyAfterMs }) {
  const notes = pod.metadata.annotations ?? {};
  const plan = { log: STARTED, readyAfterMs, ...byImage(images, container.image) };
  if (notes['fake/fail']) plan.fail = notes['fake/fail'];
  if (notes['fake/log']) plan.log = notes['fake/log'];
  if (notes['fake/ready-after']) plan.readyAfterMs = Number(notes['fake/ready-after']) * 1000;
  if (notes['fake/exec']) plan.command = [...container.command ?? [], ...container.args ?? []];
  return plan;
}

// What a failing container shows: {phase, container state, more of the status}.
export function failureOf(fail, image, time) {
  const crashed = (exitCode, reason) => ({
    phase: 'Running',
    state: {
      waiting: {
        reason: 'CrashLoopBackOff', message: 'back-off 40s restarting failed container',
      },
    },
    lastState: { terminated: { exitCode, reason, startedAt: time, finishedAt: time } },
    restartCount: 3,
    log: 'panic: fake failure',
  });
  const waiting = (reason, message) => ({
    phase: 'Pending', state: { waiting: { reason, message } }, lastState: {}, restartCount: 0,
  });
  switch (fail) {
    case 'ImagePullBackOff':
      return waiting(fail, `Back-off pulling image "${image}"`);
    case 'ErrImagePull':
      return waiting(fail, `failed to pull and unpack image "${image}": not found`);
    case 'OOMKilled':
      return crashed(137, 'OOMKilled');
    case 'Evicted':
      return {
        phase: 'Failed',
        reason: 'Evicted',
        message: 'The node was low on resource: memory.',
        state: {
          terminated: { exitCode: 137, reason: 'Error', startedAt: time, finishedAt: time },
        },
        lastState: {},
        restartCount: 0,
      };
    default:
      return crashed(1, 'Error');
  }
}
