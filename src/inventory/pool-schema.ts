/** Every key of a pool, with its default and its meaning. `defaults` takes the same keys. */

import * as z from 'zod/mini';
import { engineKinds } from '../core/model.js';
import {
  about,
  anyText,
  count,
  duration,
  flag,
  group,
  key,
  numberFrom,
  oneOf,
  size,
  someSize,
  someTime,
  text,
  textOf,
  wholeNumber,
  wordOr,
} from './leaves.js';

/** Enough for a machine; a bound, so that no file can ask for millions. */
const maxReplicas = 1000;

export const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

const maskItem = z.union(
  [
    count(0),
    text('a device'),
    z.array(z.union([count(0), text('a device')], { error: 'a device' }), { error: 'a list' }).check(z.minLength(1)),
  ],
  {
    error: 'a device mask: 0, [0, 1], "0,1", GPU-<uuid>, all or cpu',
  },
);

const envValue = z.union(
  [
    anyText,
    about(z.strictObject({ from_env: textOf(variableName, 'the name of a variable') }, { error: 'a map' }), {
      description: "read from the supervisor's environment at the launch; never stored or shown",
    }),
  ],
  { error: 'a text (numbers in quotes) or { from_env: NAME }' },
);

const ratio = (() => {
  const error = 'a ratio above 0 and up to 1';
  return z.number({ error }).check(z.gt(0, { error }), z.maximum(1, { error }));
})();

const program = z.array(anyText, { error: 'a list of texts' });

export const stopSignals = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGKILL'] as const;

const health = group(
  {
    path: key(
      textOf(/^(?:auto|none|\/[^\s\0]*)$/, 'auto, none or a path that begins with /'),
      'auto',
      "what is asked; auto: the engine's own; none: ready when the process has lived min_uptime",
    ),
    listener: key(
      oneOf('auto', 'off'),
      'auto',
      "prove that the answering listener is our engine's; off for engines behind a container's proxy",
    ),
    startup_interval: key(someTime, '500ms', 'between two probes while it loads'),
    startup_deadline: key(
      wordOr(['auto'], someTime, 'auto or a duration above zero, such as 120s'),
      'auto',
      'ready by then, or killed; auto: by engine and model size',
    ),
    interval: key(someTime, '5s', 'between two probes once it is ready'),
    timeout: key(someTime, '2s', 'of one probe'),
    failure_threshold: key(count(), 3, 'so many misses in a row make it unhealthy'),
    success_threshold: key(count(), 1, 'so many good probes in a row make it ready again'),
    restart_after: key(
      wordOr(['never'], duration, 'never or a duration, such as 60s'),
      '60s',
      'unhealthy for so long: restarted; 0s: at once',
    ),
    min_uptime: key(duration, '1s', 'with path none: ready after so long'),
    generate: group(
      {
        every: key(z.nullable(someTime), null, 'between two probes that generate one token; null: never'),
        timeout: key(someTime, '30s', 'of one such probe'),
      },
      'a liveness probe that generates one token',
    ),
  },
  'when an engine is ready, and when it is sick',
);

const restart = group(
  {
    policy: key(oneOf('on-failure', 'always', 'never'), 'on-failure', 'after which exits it is launched again'),
    backoff: group(
      {
        initial: key(duration, '1s', 'the wait before the first restart'),
        factor: key(numberFrom(1, 1000), 2, 'each wait is so many times the one before'),
        max: key(duration, '60s', 'no wait is longer'),
        min: key(duration, '500ms', 'no wait is shorter'),
        jitter: key(numberFrom(0, 1), 0.1, 'a random part of the wait, both ways, only down from max'),
        reset_after: key(duration, '300s', 'ready for so long: waits begin anew'),
        cuda_multiplier: key(numberFrom(1, 1000), 2, 'waits after GPU and driver errors are so many times as long'),
      },
      'the growing wait before a restart',
    ),
    breaker: group(
      {
        threshold: key(count(), 5, 'failures in a row that open it'),
        open_for: key(duration, '300s', 'until one test launch'),
        extend_factor: key(numberFrom(1, 1000), 2, 'a failed test keeps it open so many times as long'),
        max_open_for: key(duration, '1h', 'at most so long'),
        close_after: key(duration, '60s', 'ready for so long closes it'),
        cuda_threshold: key(count(), 5, 'GPU errors in a row that open the breaker of their own'),
      },
      'stops restarting a replica that fails again and again',
    ),
    storm: group(
      {
        limit: key(count(), 10, "the pool's restarts in the window, before the next one waits"),
        window: key(someTime, '60s', 'of the limit'),
        warn_at: key(count(0), 5, 'more restarts in the window are a warning'),
        trip: group(
          {
            count: key(count(), 10, "restarts that open the breakers of the pool's replicas"),
            window: key(someTime, '30s', 'of that count'),
          },
          'when restarting stops altogether',
        ),
        reset_after: key(duration, '600s', 'stable for so long: restart_count begins anew'),
      },
      'too many restarts of a pool in a short time',
    ),
  },
  'what happens after an exit that nobody asked for',
);

export const poolSchema = z.strictObject(
  {
    engine: about(z.optional(oneOf(...engineKinds)), {
      description: 'the inference server; guessed (llamacpp) when the model ends in .gguf',
    }),
    model: key(
      z.nullable(text('a path or a reference of a model')),
      null,
      'path, file:, https:, hf:org/repo/file, or org/repo for vllm and sglang; required but for command and demo',
    ),
    model_digest: key(
      z.nullable(textOf(/^[sS][hH][aA]256:[0-9a-fA-F]{64}$/, 'sha256: and 64 hexadecimal digits')),
      null,
      'sha256:<hex>; checked before start',
    ),
    model_id: key(z.nullable(text('a name')), null, 'name in logs and status; null: from the model'),
    device_masks: key(
      z
        .array(maskItem, { error: 'a list of device masks' })
        .check(
          z.minLength(1, { error: 'a list with at least one device mask' }),
          z.maxLength(maxReplicas, { error: `a list of at most ${maxReplicas} device masks` }),
        ),
      ['all'],
      'each item one replica: 0, [0, 1], "0,1", "GPU0,GPU1", GPU-<uuid or unique prefix>, all, cpu',
    ),
    share: key(flag, false, 'may another pool (which must say so too) or replica use the same device?'),
    tensor_split: key(
      z.nullable(z.array(ratio, { error: 'a list of ratios' }).check(z.minLength(1, { error: 'a list of ratios' }))),
      null,
      "ratios over a mask's devices, sum 1.0; null: no split flags",
    ),
    vram: key(z.nullable(size), null, 'what one replica needs on its mask; checked before start; null: learnt, advisory'),
    host_memory: key(z.nullable(size), null, 'what one replica needs of MemAvailable; checked before start'),
    binary: key(z.nullable(text('a program')), null, 'program, by PATH or path; null: by engine'),
    command: key(
      z.nullable(program.check(z.minLength(1, { error: 'a list that begins with a program' }))),
      null,
      'argv; for engine: command only, and required there',
    ),
    args: key(program, [], "appended to the engine's argv"),
    env: key(
      z.record(textOf(variableName, 'a variable name'), envValue, { error: 'a map of variables' }),
      {},
      'NAME: value, or NAME: { from_env: OTHER } (never stored, redacted)',
    ),
    workdir: key(z.nullable(text('a directory')), null, "null: a directory of the replica's own"),
    user: key(z.nullable(textOf(/^[^:\s\0]+$/, 'the name of a user')), null, 'run engines as this user (root only)'),
    isolate: group(
      {
        no_new_privs: key(flag, true, 'no setuid program can raise its rights'),
        drop_capabilities: key(flag, true, 'without the capabilities of the supervisor'),
        die_with_supervisor: key(flag, false, 'killed when the supervisor dies, instead of being taken over by the next'),
      },
      'what engines may not do',
    ),
    host: key(textOf(/^[A-Za-z0-9.:_-]+$/, 'a host name or an address'), '127.0.0.1', 'where engines listen'),
    port: key(
      wordOr(['auto'], wholeNumber(1, 65_535, 'auto or a port from 1 to 65535'), 'auto or a port from 1 to 65535'),
      'auto',
      'a number: replica N listens on port + N',
    ),
    slots: key(
      wordOr(['auto'], wholeNumber(1, 1_000_000, 'auto or a whole number from 1'), 'auto or a whole number from 1'),
      'auto',
      "one replica's concurrency; auto: from the engine or its args",
    ),
    autostart: key(flag, true, 'started by `up`'),
    health,
    stop: group(
      {
        signal: key(oneOf(...stopSignals), 'SIGTERM', 'asks the engine to end'),
        grace: key(duration, '5s', 'then SIGKILL to the whole group'),
      },
      'how an engine is stopped',
    ),
    drain: group(
      {
        deadline: key(duration, '5m', 'stopped by then, with or without leases'),
        inflight: key(oneOf('auto', 'off'), 'auto', 'auto: ask the engine for running requests too; off: leases only'),
      },
      'how an engine is drained',
    ),
    reload: group(
      {
        strategy: key(oneOf('auto', 'rolling', 'recreate'), 'auto', 'auto: rolling with two or more ready replicas'),
        min_healthy: key(duration, '2s', 'healthy for so long, or rolled back'),
      },
      'how the model is switched',
    ),
    restart,
    logs: group(
      {
        max_size: key(someSize, '50MiB', 'of one log file'),
        keep: key(count(0), 5, 'older log files that are kept'),
      },
      "the engine's log files",
    ),
  },
  { error: 'a map' },
);
