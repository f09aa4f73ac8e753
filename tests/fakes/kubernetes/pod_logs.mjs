// GET pods/NAME/log: the parameters, the refusals, and the lines, once or as they come. The lines
// themselves are the node's (node/logs.mjs).
import { ApiError, badRequest, invalid, wrong } from './status.mjs';

const MAX_INTEGER = 2 ** 31 - 1;

function integer(query, name) {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^-?\d+$/.test(text)) {
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return Math.min(Number(text), MAX_INTEGER);
}

const flag = (query, name) => ['true', '1'].includes(query.get(name));

export function logParameters({ name, query }) {
  const parameters = {
    container: query.get('container') ?? undefined,
    follow: flag(query, 'follow'),
    previous: flag(query, 'previous'),
    timestamps: flag(query, 'timestamps'),
    tailLines: integer(query, 'tailLines'),
    limitBytes: integer(query, 'limitBytes'),
    sinceSeconds: integer(query, 'sinceSeconds'),
    sinceTime: query.get('sinceTime') ?? undefined,
  };
  const causes = [];
  const { tailLines, limitBytes, sinceSeconds, sinceTime } = parameters;
  if (tailLines < 0) {
    causes.push(wrong.value('tailLines', tailLines, 'must be greater than or equal to 0'));
  }
  if (limitBytes < 1) {
    causes.push(wrong.value('limitBytes', limitBytes, 'must be greater than 0'));
  }
  if (sinceSeconds !== undefined && sinceTime !== undefined) {
    causes.push(wrong.forbidden('[]', 'at most one of `sinceTime` or `sinceSeconds` may be'
      + ' specified'));
  } else if (sinceSeconds < 1) {
    causes.push(wrong.value('sinceSeconds', sinceSeconds, 'must be greater than 0'));
  }
  if (causes.length > 0) {
    throw invalid({ name, kind: 'PodLogOptions', qualified: 'PodLogOptions' }, causes);
  }
  return parameters;
}

function containerIn(pod, wanted) {
  const names = pod.spec.containers.map((one) => one.name);
  const { name } = pod.metadata;
  if (wanted === undefined) {
    if (names.length === 1) return names[0];
    throw badRequest(`a container name must be specified for pod ${name}, choose one of:`
      + ` [${names.join(' ')}]`);
  }
  if (!names.includes(wanted)) {
    throw badRequest(`container ${wanted} is not valid for pod ${name}`);
  }
  return wanted;
}

const WAITING = {
  ImagePullBackOff: 'trying and failing to pull image',
  ErrImagePull: "image can't be pulled",
};

// The Log that is asked for; undefined if the pod has no node yet.
export function findLog(node, pod, parameters) {
  const container = containerIn(pod, parameters.container);
  const { name, namespace } = pod.metadata;
  if (!pod.spec.nodeName) return undefined;
  if (!node.reachable) {
    throw new ApiError(500, `Get "https://127.0.0.1:20250/containerLogs/${namespace}/${name}/`
      + `${container}": dial tcp 127.0.0.1:20250: connect: connection refused`);
  }
  const { log, waiting } = node.logOf(pod, container, parameters.previous);
  if (log) return log;
  if (waiting) {
    throw badRequest(`container ${JSON.stringify(container)} in pod ${JSON.stringify(name)} is`
      + ` waiting to start: ${WAITING[waiting] ?? waiting}`);
  }
  throw badRequest(`previous terminated container ${JSON.stringify(container)} in pod`
    + ` ${JSON.stringify(name)} not found`);
}

// RFC 3339 with nanoseconds, of which there are only milliseconds.
const stamp = (date) => date.toISOString().replace('Z', '000000Z');

// Writes the log to a response, which has its headers, and ends it.
export function writeLog(response, log, parameters, now) {
  const { tailLines, timestamps, follow, sinceSeconds, sinceTime } = parameters;
  let room = parameters.limitBytes ?? Infinity;
  const since = sinceTime !== undefined ? Date.parse(sinceTime)
    : sinceSeconds !== undefined ? now().getTime() - sinceSeconds * 1000 : -Infinity;
  const write = ({ time, text }) => {
    const bytes = Buffer.from(timestamps ? `${stamp(time)} ${text}` : text).subarray(0, room);
    room -= bytes.length;
    if (bytes.length > 0) response.write(bytes);
    return room > 0;
  };
  const recent = log.lines.filter(({ time }) => time.getTime() >= since);
  const shown = tailLines === undefined ? recent : recent.slice(recent.length - tailLines);
  for (const line of tailLines === 0 ? [] : shown) if (!write(line)) break;
  if (!follow || log.over || room <= 0) {
    response.end();
    return;
  }
  const stop = log.follow({
    line(line) {
      if (write(line)) return;
      stop();
      response.end();
    },
    end: () => response.end(),
  });
  response.on('close', stop);
  response.flushHeaders();
}
