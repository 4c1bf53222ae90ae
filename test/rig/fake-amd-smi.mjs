/**
 * An amd-smi and a rocm-smi that say what the JSON file named in $FAKE_AMD_SMI tells them to (the type `AmdPlan` in fake-amd-smi.ts has the keys).
 * The first argument is the tool's name. Every call is told to `<file>.calls`, as fake-nvidia-smi.mjs does.
 */

import { appendFileSync, readFileSync } from 'node:fs';

const file = process.env.FAKE_AMD_SMI;
if (file === undefined) throw new Error('FAKE_AMD_SMI does not name a plan');
const [tool, ...args] = process.argv.slice(2);
const plan = JSON.parse(readFileSync(file, 'utf8'));
const gpus = plan.gpus ?? [];
appendFileSync(`${file}.calls`, `${process.pid} ${tool} ${args.join(' ')}\n`);

const unknown = args.find((arg) => plan.unknownArguments?.includes(arg));
if (plan.fail !== undefined) {
  end(`${plan.fail.text}\n`, plan.fail.code);
} else if (unknown !== undefined) {
  end(`usage: ${tool} [-h]\n${tool}: error: unrecognized arguments: ${unknown}\n`, 2);
} else if (gpus.length === 0) {
  end('ERROR:root:Unable to detect any GPU devices, check amdgpu version and module status (sudo modprobe amdgpu)\n', 255);
} else if (tool === 'rocm-smi') {
  json(rocm());
} else if (args[0] === 'process' && plan.processes === undefined) {
  end('Command requires elevation\n', 1);
} else {
  json(answers()[args[0]]);
}

function answers() {
  const each = (row) => gpus.map((gpu, id) => ({ gpu: id, ...row(gpu, id) }));
  return {
    list: each((gpu, id) => ({
      bdf: bdfOf(gpu, id),
      uuid: gpu.uuid ?? 'N/A',
      node_id: gpu.node_id ?? id + 1,
      ...(args.includes('-e')
        ? { hip_id: gpu.hip_id ?? id, hip_uuid: gpu.hip_uuid ?? `GPU-${String(id).repeat(4)}a1b2c3d4e5f6` }
        : {}),
    })),
    metric: {
      gpu_data: each((gpu) => ({
        usage: { gfx_activity: { value: 3, unit: '%' } },
        ...(args.includes('--power') ? { power: { socket_power: { value: 90, unit: 'W' } } } : {}),
        ...(args.includes('--temperature') ? { temperature: { edge: 'N/A', hotspot: { value: 41, unit: 'C' } } } : {}),
        ...(args.includes('--ecc') ? { ecc: { total_uncorrectable_count: gpu.ecc ?? 'N/A' } } : {}),
        mem_usage: {
          total_vram: { value: 24560, unit: 'MB' },
          used_vram: { value: gpu.used_vram ?? 60, unit: 'MB' },
        },
      })),
    },
    static: { gpu_data: each((gpu) => ({ asic: { market_name: gpu.name ?? 'AMD Radeon RX 7900 XTX' } })) },
    process: each((_, id) => {
      const users = (plan.processes ?? []).filter(({ gpu }) => gpu === id);
      const infos = users.map(({ pid, name, used_bytes }) => ({
        process_info: { name: name ?? 'N/A', pid, memory_usage: { vram_mem: { value: used_bytes ?? 'N/A', unit: 'B' } } },
      }));
      return { process_list: infos.length > 0 ? infos : [{ process_info: 'No running processes detected' }] };
    }),
  };
}

function rocm() {
  const cards = gpus.map((gpu, id) => [
    `card${id}`,
    {
      'Card Series': gpu.name ?? 'AMD Radeon RX 7900 XTX',
      'Unique ID': `0x${String(id).repeat(4)}a1b2c3d4e5f6`,
      'PCI Bus': bdfOf(gpu, id),
      'Node ID': String(gpu.node_id ?? id + 1),
      'GPU use (%)': '3',
      'VRAM Total Memory (B)': String(24560 * 1024 * 1024),
      'VRAM Total Used Memory (B)': String((gpu.used_vram ?? 60) * 1024 * 1024),
    },
  ]);
  const users = (plan.processes ?? []).map(({ pid, name, used_bytes }) => [
    `PID${pid}`,
    `${name ?? 'UNKNOWN'}, 1, ${used_bytes ?? 'UNKNOWN'}, 0, 0`,
  ]);
  return { ...Object.fromEntries(cards), system: Object.fromEntries(users) };
}

function bdfOf(gpu, id) {
  return gpu.bdf ?? `0000:0${id + 3}:00.0`;
}

function json(document) {
  end(`${JSON.stringify(document, null, 2)}\n`, 0);
}

function end(text, code) {
  process.exitCode = code;
  process.stdout.write(text);
}
