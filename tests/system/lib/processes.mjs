// Processes as /proc shows them: who is whose child, and what is left.
//
// A process is known by number and start time together, so that a number which was given out again
// is not mistaken for the old process.
import { readFileSync, readdirSync } from 'node:fs';
import { basename } from 'node:path';

// undefined if there is no such process. A zombie has state 'Z' and an empty command.
export function processOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
    return {
      pid: Number(pid),
      state: fields[0],
      parent: Number(fields[1]),
      startTime: fields[19],
      command,
      program: basename(command[0] ?? ''),
    };
  } catch {
    return undefined;
  }
}

export function allProcesses() {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map(processOf)
    .filter(Boolean);
}

// Everything below `pid`, children before their children.
export function descendantsOf(pid) {
  const all = allProcesses();
  const found = [];
  for (let parents = [pid]; parents.length > 0; ) {
    const children = all.filter((one) => parents.includes(one.parent));
    found.push(...children);
    parents = children.map((one) => one.pid);
  }
  return found;
}

// Still the same process, and not merely waiting to be reaped.
export function isAlive(known) {
  const now = processOf(known.pid);
  return now !== undefined && now.startTime === known.startTime && now.state !== 'Z';
}

export function isZombie(one) {
  return one.state === 'Z';
}

// Every living process whose environment has the variable with that value, which children inherit.
export function processesWithVariable(name, value) {
  return allProcesses().filter((one) => {
    try {
      const environment = readFileSync(`/proc/${one.pid}/environ`, 'utf8');
      return one.state !== 'Z' && environment.split('\0').includes(`${name}=${value}`);
    } catch {
      return false;
    }
  });
}

export function describe(processes) {
  return processes.map((one) => `${one.pid} ${one.state} ${one.command.join(' ')}`).join('\n');
}

// The memory of a process in KiB, without files that are mapped: those count in parts, which depend
// on how many other processes have them mapped at the moment.
export function memoryOf(pid) {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss_Anon: +([0-9]+) kB$/m.exec(rollup)[1]);
}
