/** How much GPU memory an engine had and asked for, as the line says by which it was refused. */

export type Memory = {
  /** What it asked for at that moment, on top of what it had. */
  readonly askedBytes: number | null;
  /** What it had on that device by then. */
  readonly usedBytes: number | null;
};

/** Unknown is null: most lines say the one, few the other. To be asked of lines that tell of too little GPU memory only. */
export function memoryIn(line: string): Memory {
  return { askedBytes: firstOf(asked, line), usedBytes: firstOf(used, line) ?? torchPool(line) };
}

/** Each takes out a number and its unit; a number without one is bytes. */
const asked: readonly RegExp[] = [
  // PyTorch; XLA.
  /\bTried to allocate ([\d.]+) ([KMGT]i?B|bytes)/i,
  /\btrying to allocate ([\d.]+) ?([KMGT]i?B|bytes)/i,
  // ggml: CUDA and its kin by name, then whatever backend; Vulkan; SYCL; Metal.
  /\ballocating ([\d.]+) ([KMGT]i?B) on device \d+: \w*Malloc/,
  /\bbuffer of size ([\d]+)()/,
  /\bmemory allocation of size (\d+)()/i,
  /\ballocate (\d+) (Bytes) of memory on device/i,
  /\bfailed to allocate buffer, size = +([\d.]+) ([KMGT]i?B)/,
  // Mesa says it in a line of its own.
  /^\s*radv\/amdgpu:\s+size\s*: (\d+) (bytes)/,
  // vLLM: the KV cache of its longest request, before it takes any; and all that it is told to take.
  /([\d.]+) ([KMGT]i?B) KV cache is needed/,
  /\bdesired GPU memory utilization \([\d.]+, ([\d.]+) ([KMGT]i?B)\)/,
];

const used: readonly RegExp[] = [
  /\bthis process has ([\d.]+) ([KMGT]i?B|bytes) memory in use/i,
  /([\d.]+) ([KMGT]i?B|bytes) reserved in total by PyTorch/i,
];

/** Where a container hides which process is which, only the allocator's own share is known. */
function torchPool(line: string): number | null {
  const allocated = firstOf([/([\d.]+) ([KMGT]i?B|bytes) is allocated by PyTorch/i], line);
  return allocated === null
    ? null
    : allocated + (firstOf([/([\d.]+) ([KMGT]i?B|bytes) is reserved by PyTorch but unallocated/i], line) ?? 0);
}

function firstOf(patterns: readonly RegExp[], line: string): number | null {
  for (const pattern of patterns) {
    const [, number, unit = ''] = pattern.exec(line) ?? [];
    const bytes = Math.round(Number(number) * 1024 ** Math.max(0, powers.indexOf(unit.charAt(0).toUpperCase())));
    if (bytes > 0 && Number.isSafeInteger(bytes)) return bytes;
  }
  return null;
}

/** "B" of bytes, and no unit at all, are the first of them. Engines mean binary units also where they write MB. */
const powers = ['B', 'K', 'M', 'G', 'T'];
