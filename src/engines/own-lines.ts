/**
 * The forms of lines that engines and their runtimes write themselves. A line in another form may be anything, a user's prompt among it. The
 * patterns look at the beginning of a line only.
 */

/** What the loader, the C library, a shell or a GPU's runtime says on an engine's behalf, without a prefix. */
export function isSystemLine(line: string): boolean {
  return system.test(line);
}

/** Tracebacks of Python and the exceptions that end them; `(EngineCore_0 pid=7)` and the like may stand before each line. */
export function isPythonLine(line: string): boolean {
  return python.test(line.replace(worker, ''));
}

/** llama-server with its time and level, with the level alone, and the older builds without either. */
export function isLlamaLine(line: string): boolean {
  return llama.test(line) || isSystemLine(line);
}

/** vLLM: level, time and source; uvicorn's lines; what its workers write. */
export function isVllmLine(line: string): boolean {
  const bare = line.replace(worker, '');
  return leveled.test(bare) || isPythonLine(bare) || isSystemLine(bare);
}

/** SGLang: a time in brackets, with the rank where there are several. */
export function isSglangLine(line: string): boolean {
  return (
    /^\[\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}[^\]]{0,40}\] /.test(line) || /^\[(?:TP|DP|PP|EP)\d/.test(line) || isVllmLine(line)
  );
}

const worker = /^(?:\([A-Z]\w{0,60}(?: \w{1,20})? ?(?:pid|ip)=[^)]{1,60}\) ?)+/;

const leveled =
  /^(?:DEBUG|INFO|WARNING|ERROR|CRITICAL)(?: \d{2}-\d{2} \d{2}:\d{2}:\d{2} (?:\[[\w.]+:\d+\]|[\w.]+:\d+\])|:\s)|^(?:vllm|api_server\.py|usage|launch_server\.py)[\w .]*: |^\[(?:rank\d+\]:|[EWIF]\d{3,4} )|^[\w.-]+:\d+:\d+ \[\d+\] NCCL /;

const python =
  /^\s*(?:Traceback \(most recent call last\)|File "[^"]{1,400}", line \d+)|^[A-Za-z_][\w.]{0,200}(?:Error|Exception|Exit|Interrupt|Dead|Warning)\b|^(?:CUDA|HIP) kernel errors might|^Compile with `TORCH_USE_|^Search for `(?:cuda|hip)Error|^For debugging consider passing|^ {2}Value error, |^During handling of the above|^The above exception was|^Fatal Python error: |^\/\S+\.py:\d+: \w*Warning: |^ncclW?\w*Error: |^Last error:|^Cuda failure /;

const llama =
  /^\d+\.\d{2}\.\d{3}\.\d{3} |^[IWED] [a-z_]\w*[ :(]|^(?:srv|slot|que|res|cmn|main|build|system_info|system info|print_info|load|load_model|load_tensors|set_abort_callback|common|clip|mtmd|sched_reserve|update_slots)\b[\w ():]{0,40}: |^(?:ggml|llama|gguf|common|clip|mtmd|server|graph|alloc_tensor_range|get_rows|~llama)\w*(?:\([^)]{0,80}\))?: |^(?:INFO|WARN|ERR|ERROR|VERB) +\[|^ ERR \[|^error(?: while|:| loading)|^(?:CUDA|ROCm|HIP|MUSA|SYCL|CANN) error: |^ {2}(?:current device: |cuda|hip|in function )|^\S+\.(?:cu|cuh|cpp|c|h|m):\d+: |^GGML_ASSERT\(|^Received second interrupt|^warning: |^version: |^Oops\(/;

const system =
  /^\S+: (?:error while loading shared libraries|symbol lookup error|cannot execute|.{0,80} version `GLIBC)|^\S+: \S+: version `|^(?:\S+: line \d+: +(?:\d+ )?)?(?:Segmentation fault|Illegal instruction|Aborted|Bus error|Killed|Terminated|Floating point exception)\b|^\S+: line \d+: |^terminate called |^ {2}what\(\): |^(?:free|malloc|realloc|munmap_chunk|double free|corrupted|malloc_consolidate)\b.{0,40}|^\*\*\* stack smashing|^\S+: \S+:\d+: .{1,400}: Assertion `|^Memory access fault by GPU |^HW Exception by GPU |^rocBLAS error: |^:\d:\S+\.cpp *:\d+ *:|^radv\/amdgpu: |^amdgpu: |^Failed to initialize NVML|^NVRM: |^CUDA Error: |^Fatal glibc error/;
