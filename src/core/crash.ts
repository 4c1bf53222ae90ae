/** Why an engine died: the classes of the contract, and what a diagnosis says. Who classifies is `src/diagnosis`; what follows is the core's. */

export const crashClasses = [
  'vram_oom',
  'host_oom',
  'gpu_error',
  'driver',
  'config',
  'crash',
  'hang',
  'graceful',
  'unknown',
] as const;
export type CrashClass = (typeof crashClasses)[number];

/** A line of an engine's log. `line` counts from 1, within what was diagnosed: a file, or one incarnation's part of a log. */
export type EvidenceLine = { readonly line: number; readonly text: string };

/** What kernel and driver say of the same process or device in the same seconds. It goes before any text of the engine. */
export type KernelEvidence =
  /**
   * Its own control group reached its limit, and the kernel killed for that; the kernel says in its log or by the group's counter that it killed one of
   * its processes; or (low confidence) the machine's counter rose within 10 s.
   */
  | { readonly kind: 'oom'; readonly source: 'cgroup' | 'kernel' | 'machine'; readonly text: string }
  | { readonly kind: 'xid'; readonly xid: number; readonly text: string };

/** Why an engine died, and what that means. */
export type Diagnosis = {
  readonly class: CrashClass;
  /** The cause within the class, in snake_case ("port_in_use", "illegal_memory_access"); null where there is no finer word. */
  readonly subclass: string | null;
  /** Whether anything was found that explains an exit. */
  readonly fatal: boolean;
  /** Whether the same launch may go better next time. */
  readonly restartable: boolean;
  readonly confidence: 'high' | 'low';
  readonly evidence: EvidenceLine | null;
  /** One sentence for people. */
  readonly summary: string;
  /** What to change, for this engine; null where nobody can say. */
  readonly hint: string | null;
  /** Set where neither a restart nor a change of the inventory helps: the GPU must be reset, or the machine rebooted. */
  readonly cure: 'reset' | 'reboot' | null;
  /** Of `vram_oom`: what it asked for when it was refused, on top of what it had; null where its log does not say. */
  readonly askedBytes: number | null;
  /**
   * Of `vram_oom`: what it had by then, by its own word, on the device that refused or on all of its devices; null where its log does not say. It may
   * have had more.
   */
  readonly usedBytes: number | null;
};
