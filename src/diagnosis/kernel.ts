/** What kernel and driver say of the same process or device goes before any text of the engine. */

import type { Diagnosis, KernelEvidence } from '../core/crash.js';
import type { Circumstances } from './circumstances.js';
import { wasKilled } from './exit.js';
import type { Findings } from './findings.js';
import { hintFor } from './hints.js';
import { remedyOf, xidMeaning, xidRules } from './xid.js';

/** Null where there is no evidence that counts. A SIGTERM is never out of memory, and the machine's counter counts for a SIGKILL only. */
export function kernelVerdict(found: Findings, circumstances: Circumstances): Diagnosis | null {
  const oom = circumstances.kernel.find((evidence) => evidence.kind === 'oom' && oomCounts(evidence, circumstances));
  if (oom?.kind === 'oom') return outOfMemory(oom, found);
  const xids = circumstances.kernel.flatMap((evidence) => (evidence.kind === 'xid' ? [evidence] : []));
  const worst = severity.map((remedy) => xids.find(({ xid }) => remedyOf(xid) === remedy)).find((xid) => xid !== undefined);
  return worst === undefined ? null : gpuFault(worst, found);
}

/** Those that nothing follows from are no verdict: the log may know more. */
const severity = ['reboot', 'reset', 'restart'] as const;

function oomCounts({ source }: Extract<KernelEvidence, { kind: 'oom' }>, circumstances: Circumstances): boolean {
  return source === 'machine' ? wasKilled(circumstances) : circumstances.signal !== 'SIGTERM';
}

function outOfMemory({ source, text }: Extract<KernelEvidence, { kind: 'oom' }>, { engine }: Findings): Diagnosis {
  const subclass = source === 'cgroup' ? 'cgroup_oom_kill' : 'kernel_oom_kill';
  const said = {
    cgroup: 'The kernel killed a process of it: the memory limit of its control group was reached',
    kernel: 'The kernel killed a process of it: there was no memory left',
    machine: 'It was killed while the kernel killed for want of memory',
  };
  return {
    class: 'host_oom',
    subclass,
    fatal: true,
    restartable: source !== 'cgroup',
    confidence: source === 'machine' ? 'low' : 'high',
    evidence: null,
    summary: `${said[source]} (${text}).`,
    hint: hintFor('host_oom', subclass, engine),
    cure: null,
    askedBytes: null,
    usedBytes: null,
  };
}

function gpuFault({ xid, text }: Extract<KernelEvidence, { kind: 'xid' }>, { engine }: Findings): Diagnosis | null {
  const rule = xidRules.find(({ subclass }) => subclass === `xid_${xid}`);
  if (rule === undefined) return null;
  return {
    class: rule.class,
    subclass: rule.subclass,
    fatal: true,
    restartable: rule.restartable,
    confidence: 'high',
    evidence: null,
    summary: `${xidMeaning(xid)} (${text}).`,
    hint: hintFor(rule.class, rule.subclass, engine, rule.cure),
    cure: rule.cure,
    askedBytes: null,
    usedBytes: null,
  };
}
