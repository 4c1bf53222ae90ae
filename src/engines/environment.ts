/** The environment of an engine: the supervisor's, less what would mislead it, plus the inventory's, plus who it is and what it may see. */

import type { Launch } from '../core/messages.js';
import type { Device } from '../core/model.js';
import { maskVariables } from '../devices/mask-variables.js';
import type { Resolved } from './adapter.js';
import { adapters } from './index.js';
import { placeholderValues } from './placeholder-values.js';
import { expandPlaceholders } from './placeholders.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Everything that the engine of `launch` gets as its environment; nothing else reaches it. `from_env` is read here, from the supervisor's,
 * and an unset one is left out (preflight has refused it before). What poolctl sets wins over the inventory, the inventory over the rest.
 */
export function engineEnvironment(
  launch: Launch,
  supervisorEnv: Environment,
  resolved: Resolved,
): Readonly<Record<string, string>> {
  return { ...inherited(supervisorEnv), ...ownEnvironment(launch, supervisorEnv, resolved) };
}

/** The part of it that is not the supervisor's: what poolctl and the inventory set for this engine. */
export function ownEnvironment(launch: Launch, supervisorEnv: Environment, resolved: Resolved): Readonly<Record<string, string>> {
  return {
    ...(launch.allowDownloads ? {} : adapters[launch.spec.engine].offlineEnv),
    ...fromInventory(launch, supervisorEnv, resolved),
    POOLCTL_POOL_ID: launch.spec.poolId,
    POOLCTL_REPLICA_ID: launch.key.slice(launch.spec.poolId.length + 1),
    POOLCTL_INSTANCE: launch.instance,
    CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
    ...maskOf(launch),
  };
}

/**
 * The supervisor's own secrets and its service manager's sockets are nobody else's; llama-server takes every LLAMA_ARG_* silently, and with
 * LLAMA_SERVER_ROUTER_PORT it believes to be another server's child and ends at once.
 */
const withheld = /^(?:POOLCTL_TOKEN|NOTIFY_SOCKET|WATCHDOG_.*|LISTEN_.*|LLAMA_ARG_.*|LLAMA_SERVER_ROUTER_PORT)$/;
const masks: ReadonlySet<string> = new Set(maskVariables);

function inherited(supervisorEnv: Environment): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(supervisorEnv)) {
    if (value !== undefined && !masks.has(name) && !withheld.test(name)) env[name] = value;
  }
  return env;
}

function fromInventory(launch: Launch, supervisorEnv: Environment, resolved: Resolved): Record<string, string> {
  const { spec } = launch;
  const values = placeholderValues(launch, resolved, adapters[spec.engine].slots(spec));
  const env: Record<string, string> = {};
  for (const [name, given] of Object.entries(spec.env)) {
    const value = 'fromEnv' in given ? supervisorEnv[given.fromEnv] : expandPlaceholders(given.value, values);
    if (value !== undefined) env[name] = value;
  }
  return env;
}

/** Only the variables of the mask's own vendors; for a mask without devices, all of them, each in the form that hides every device. */
function maskOf({ devices, spec }: Launch): Record<string, string> {
  if (devices.length === 0) {
    return { CUDA_VISIBLE_DEVICES: '', ROCR_VISIBLE_DEVICES: '', HIP_VISIBLE_DEVICES: '-1', GGML_VK_VISIBLE_DEVICES: '' };
  }
  const nvidia = devices.filter(({ vendor }) => vendor === 'nvidia');
  const amd = devices.filter(({ vendor }) => vendor === 'amd');
  return {
    ...(nvidia.length > 0 ? { CUDA_VISIBLE_DEVICES: cudaNames(nvidia) } : {}),
    /** Not beside HIP_VISIBLE_DEVICES: the one would select from what the other has left. */
    ...(amd.length > 0 ? { ROCR_VISIBLE_DEVICES: indexes(amd) } : {}),
    /** Read by Vulkan builds of llama.cpp alone, which know no UUIDs; a MIG slice has no Vulkan. */
    ...(spec.engine === 'llamacpp' ? { GGML_VK_VISIBLE_DEVICES: indexes(devices.filter(({ mig }) => !mig)) } : {}),
  };
}

/** Indexes, since vLLM dies on UUIDs; but a MIG slice can be named by its UUID only, and the two forms do not mix. */
function cudaNames(devices: readonly Device[]): string {
  return devices.some(({ mig }) => mig) ? devices.map(({ uuid }) => uuid).join(',') : indexes(devices);
}

function indexes(devices: readonly Device[]): string {
  return devices.map(({ index }) => index).join(',');
}
