/** NVIDIA's GPUs and who uses them, asked of nvidia-smi. */

import {
  devicesOf,
  explainFailure,
  fieldsOf,
  type GpuField,
  gpuFields,
  helpArgs,
  listArgs,
  parseGpus,
  parseMigSlices,
  queryArgs,
  saysNoDevices,
  unknownField,
  unreachableGpus,
} from '../devices/nvidia.js';
import { computeAppsArgs, type DeviceUser, type Listed, parseComputeApps, usersOf } from '../devices/users.js';
import { createTool, type Ended, type Failure, type ToolOptions } from './tool.js';
import { createVendor, type VendorAnswer, type VendorReading } from './vendor.js';

/** `trusted`: what a list is worth as evidence, see host/device-users.ts. The processes are asked for in what is left of one call's time. */
export function createNvidia(
  options: ToolOptions,
  trusted: (listed: Listed) => readonly DeviceUser[] | null,
): () => Promise<VendorReading> {
  const { env, now, timeoutMs } = options;
  const run = createTool(options);
  let fields: readonly GpuField[] = gpuFields;
  return createVendor({ names: ['nvidia-smi'], path: env.PATH, now }, ask);

  async function ask(program: string): Promise<VendorAnswer | Failure> {
    const askedAt = now();
    const query = await queryKnownFields(program);
    if ('failure' in query) return query;
    const rows = parseGpus(query.stdout, fields);
    const unreachable = unreachableGpus(query.text);
    if (query.code !== 0 && (rows.length === 0 || unreachable.length === 0) && !saysNoDevices(query.text)) {
      return { failure: explainFailure(query.text, query.code) };
    }
    if (rows.length === 0 && query.stdout.trim() !== '' && !saysNoDevices(query.text)) {
      return { failure: `nvidia-smi printed no device that can be read: ${query.stdout.trim().slice(0, 120)}` };
    }
    const list = rows.some(({ migEnabled }) => migEnabled) ? await run(program, listArgs) : null;
    if (list !== null && 'failure' in list) return list;
    if (list !== null && list.code !== 0) return { failure: explainFailure(list.text, list.code) };
    const slices = parseMigSlices(list?.stdout ?? '');
    const devices = devicesOf(rows, slices);
    const notes = [
      ...unreachable.map((which) => `nvidia-smi cannot reach GPU ${which}`),
      ...rows
        .filter(({ device, migEnabled }) => migEnabled && !devices.some(({ index }) => index.startsWith(`${device.index}:`)))
        .map(({ device }) => `GPU ${device.index} is in MIG mode and has no MIG device`),
    ];
    const listed = devices.length === 0 ? null : await processes(program, timeoutMs - (now() - askedAt));
    const users = listed === null ? null : usersOf(devices, { ...listed, rows, slices });
    return {
      devices,
      note: notes.length === 0 ? null : notes.join('; '),
      users: users === null || listed === null ? null : trusted({ ...listed, users }),
    };
  }

  /** Null where the tool does not tell: a look at the devices does not fail for that. */
  async function processes(program: string, leftMs: number): Promise<Listed | null> {
    if (leftMs <= 0) return null;
    const answer = await run(program, computeAppsArgs, leftMs);
    if ('failure' in answer) return null;
    const { users, complete } = parseComputeApps(answer.stdout);
    return { users, complete: complete && answer.code === 0 };
  }

  /**
   * A field that this driver does not know is not asked for again. The tool complains of one at a time, so at the first complaint it is asked
   * for the list of those that it knows: a driver that lacks several costs two calls more, once, and not one for each.
   */
  async function queryKnownFields(program: string): Promise<Ended | Failure> {
    for (;;) {
      const answer = await run(program, queryArgs(fields));
      const unknown = 'failure' in answer ? null : unknownField(answer.text);
      const rest = fields.filter((field) => field !== unknown);
      if (rest.length === fields.length) return answer;
      const isFirst = fields.length === gpuFields.length;
      fields = isFirst ? await knownOf(rest, program) : rest;
    }
  }

  async function knownOf(rest: readonly GpuField[], program: string): Promise<readonly GpuField[]> {
    const help = await run(program, helpArgs);
    const told = 'failure' in help ? [] : fieldsOf(help.stdout);
    return told.includes('index') && told.includes('uuid') ? rest.filter((field) => told.includes(field)) : rest;
  }
}
