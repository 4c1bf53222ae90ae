/**
 * An nvidia-smi that says what the JSON file named in $FAKE_NVIDIA_SMI tells it to (the type `Plan` in fake-nvidia-smi.ts has the keys). Every
 * call is told to `<file>.calls`, one line of arguments each, so that a test can count them.
 */

import { appendFileSync, readFileSync } from 'node:fs';

const file = process.env.FAKE_NVIDIA_SMI;
if (file === undefined) throw new Error('FAKE_NVIDIA_SMI does not name a plan');
const args = process.argv.slice(2);
const plan = JSON.parse(readFileSync(file, 'utf8'));
const gpus = plan.gpus ?? [];
appendFileSync(`${file}.calls`, `${process.pid} ${args.join(' ')}\n`);

if (plan.killedBy !== undefined) {
  process.kill(process.pid, plan.killedBy);
} else if (plan.driverMismatch) {
  end('Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 570.86\n', 18);
} else if (plan.fail !== undefined) {
  end(`${plan.fail.text}\n`, plan.fail.code);
} else if (gpus.length === 0) {
  end('No devices were found\n', 6);
} else if (args[0] === '-L') {
  end(gpus.flatMap(listed).join(''), 0);
} else if (args[0] === '--help-query-gpu') {
  end(help(), 0);
} else if (args.some((arg) => arg.startsWith('--query-compute-apps='))) {
  computeApps();
} else {
  query(
    args
      .find((arg) => arg.startsWith('--query-gpu='))
      ?.slice('--query-gpu='.length)
      .split(',') ?? [],
  );
}

function query(fields) {
  const unknown = fields.find((field) => plan.unknownFields?.includes(field));
  if (unknown !== undefined) {
    end(`Field "${unknown}" is not a valid field to query.\n\n`, 2);
    return;
  }
  const lost = gpus
    .filter((gpu) => gpu.lost)
    .map((gpu) => `Unable to determine the device handle for GPU ${gpu.lost}: Unknown Error\n`);
  const rows = gpus.filter((gpu) => !gpu.lost).map((gpu) => `${fields.map((field) => cell(gpu, field)).join(', ')}\n`);
  end([...lost, ...rows].join(''), lost.length > 0 ? 15 : 0);
}

/** Without a word about processes it is a tool that cannot tell, so that no test depends on who may be seen where it runs. */
function computeApps() {
  if (plan.processesFail !== undefined || plan.processes === undefined) {
    end(`${plan.processesFail?.text ?? 'Not Supported'}\n`, plan.processesFail?.code ?? 3);
    return;
  }
  const rows = plan.processes
    .filter(({ gpu }) => typeof gpu === 'string' || gpus[gpu] !== undefined)
    .map(({ gpu, pid, name, used_memory }) => {
      const uuid = typeof gpu === 'string' ? gpu : uuidOf(gpus[gpu]);
      return `${uuid}, ${pid}, ${name ?? '[Not Found]'}, ${used_memory ?? '[N/A]'}\n`;
    });
  end(rows.join(''), 0);
}

/** As the tool lists what it can be asked for. */
function help() {
  const names = [...Object.keys(standardOf(gpus[0])), 'timestamp'].filter((field) => !plan.unknownFields?.includes(field));
  const named = names.map((field) => (field === 'pci.bus_id' ? '"pci.bus_id" or "gpu_bus_id"' : `"${field}"`));
  return `List of valid properties to query for the switch "--query-gpu":\n\n${named.map((name) => `${name}\nWhat it is.\n\n`).join('')}`;
}

function cell(gpu, field) {
  return gpu[field] ?? standardOf(gpu)[field] ?? '[N/A]';
}

function standardOf(gpu) {
  return {
    index: gpus.indexOf(gpu),
    uuid: uuidOf(gpu),
    name: 'NVIDIA GeForce RTX 3090',
    'memory.total': 24576,
    'memory.free': 24100,
    compute_cap: '8.6',
    'utilization.gpu': 0,
    'temperature.gpu': 41,
    'power.draw': '28.55',
    'mig.mode.current': gpu.mig === undefined ? '[N/A]' : 'Enabled',
    'pci.bus_id': `00000000:0${gpus.indexOf(gpu).toString(16)}:00.0`,
    'ecc.errors.uncorrected.volatile.total': '[N/A]',
    gpu_recovery_action: 'None',
  };
}

function listed(gpu) {
  const index = gpu.index ?? gpus.indexOf(gpu);
  const slices = (gpu.mig ?? []).map(({ profile, uuid }, at) => `  MIG ${profile.padEnd(12)}Device  ${at}: (UUID: ${uuid})\n`);
  return [`GPU ${index}: ${cell(gpu, 'name')} (UUID: ${uuidOf(gpu)})\n`, ...slices];
}

function uuidOf(gpu) {
  return gpu.uuid ?? `GPU-${String(gpus.indexOf(gpu)).repeat(8)}-1111-2222-3333-444444444444`;
}

function end(text, code) {
  process.exitCode = code;
  process.stdout.write(text);
}
