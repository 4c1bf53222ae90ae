/** Hints that are narrower than those of the class. */

export type Family = 'llamacpp' | 'vllm' | 'sglang' | 'other';
export type Hints = Partial<Record<Family, string>>;

export const subclassHints: Readonly<Record<string, Hints>> = {
  startup_free_memory_check: {
    vllm: 'Another process, often the previous worker, still holds GPU memory: see nvidia-smi, end it or wait; else lower --gpu-memory-utilization.',
    other: 'Another process, often the previous worker, still holds GPU memory: see nvidia-smi, end it or wait.',
  },
  kv_cache_too_small: {
    vllm: 'Raise --gpu-memory-utilization, or lower --max-model-len or --max-num-seqs.',
    sglang: 'Raise --mem-fraction-static when it starts, or lower --max-running-requests and --context-length.',
  },
  buffer_allocation_failed: {
    llamacpp:
      'Lower --ctx-size, --ubatch-size or --n-gpu-layers; with a model on the CPU, see whether the machine has the memory.',
  },
  shared_memory_exhausted: { other: 'Give the container more shared memory: --shm-size 16g or --ipc=host.' },
  bus_error: {
    other: 'Give the container more shared memory (--shm-size), and see that nobody cuts the model file short while it is used.',
  },
  killed: {
    other: 'Nobody says who killed it: look at "journalctl -k" for the OOM killer, and at who else may end processes here.',
  },
  no_kernel_image: {
    llamacpp: 'Build llama.cpp for this GPU (CMAKE_CUDA_ARCHITECTURES or AMDGPU_TARGETS).',
    other: 'Install a build for this GPU and its compute capability, PyTorch included.',
  },
  kernel_library_error: {
    vllm: 'This GPU and this quantization do not go together: try another quantization, another VLLM_ATTENTION_BACKEND or another version.',
  },
  nccl_denied: { other: 'The GPUs may not reach each other: try NCCL_P2P_DISABLE=1, and --ipc=host in a container.' },
  nccl_system_error: {
    other: 'See NCCL_DEBUG=INFO; often the network interface (NCCL_SOCKET_IFNAME) or /dev/shm (--shm-size) is the cause.',
  },
  nccl_error: { other: 'See NCCL_DEBUG=INFO for the cause; NCCL_P2P_DISABLE=1 tells whether it is the link between the GPUs.' },
  peer_unreachable: {
    other: 'See that the other process runs, that its address and port are right, and that no firewall is between.',
  },
  fabric_not_ready: {
    other: 'Start nvidia-fabricmanager in the version of the driver; trying again on this machine cannot help.',
  },
  driver_too_old: { other: 'Update the GPU driver, or install an engine that was built for the older one.' },
  device_acquire_failed: { other: 'See who holds the device (nvidia-smi, hl-smi), and its compute mode.' },
  no_device: {
    other: 'See that the device mask names a GPU of this machine, that nvidia-smi shows it, and that the container was given it.',
  },
  no_cuda_device: { other: 'Where a GPU was meant: see the device mask, and whether nvidia-smi shows it.' },
  driver_init_failed: {
    other:
      'See whether nvidia-smi works. After a suspend: rmmod nvidia_uvm && modprobe nvidia_uvm; in a container: start it anew; else reboot.',
  },
  port_in_use: { other: 'See who listens there (ss -ltnp), end it, or choose another port.' },
  bad_flag: { other: 'Take the argument out of args, or write it as the help of this version of the engine does.' },
  model_file_missing: { other: 'See the path of the model, as the user that the engine runs as.' },
  corrupt_gguf: { other: 'Fetch the model again, and compare its size or digest with the source.' },
  corrupt_weights: { other: 'Fetch the model again, and compare its size or digest with the source.' },
  unsupported_model: { other: 'Use a newer version of the engine, or a model that this one knows.' },
  model_not_loadable: {
    other: 'See whether the file is whole and meant for this engine; a newer version of the engine may know it.',
  },
  gated_repo: { other: "Accept the model's licence on the hub, and give a token that may read it (HF_TOKEN)." },
  model_not_found: { other: "See the model's name and revision on the hub." },
  model_not_in_cache: { other: 'Fetch the model first, or allow downloads for the pool; see the network and HF_HOME.' },
  max_model_len_too_long: {
    vllm: 'Lower --max-model-len to what the model can.',
    sglang: 'Lower --context-length to what the model can.',
  },
  too_few_gpus: {
    other: 'Give the replica more devices in its mask, or lower --tensor-parallel-size; counts must divide the heads.',
  },
  missing_shared_library: { other: 'Install the library, or set LD_LIBRARY_PATH in env; ldd shows what is missing.' },
  missing_module: { other: "Install the package in the engine's Python environment, in the version that it wants." },
  program_missing: { other: 'See binary or command in the inventory, and that the file can be executed on this machine.' },
  permission_denied: { other: 'Give the user that the engine runs as the right to what the line names.' },
  disk_full: { other: 'Make room on the file system that the line names; caches of models and kernels grow.' },
  limit_reached: { other: 'Raise the limit (LimitNOFILE=, TasksMax=, ulimit -n and -u).' },
  nan: { llamacpp: 'Try without --flash-attn or with f16 KV cache; if it comes back, the model file or the build is at fault.' },
  unsupported_operation: {
    llamacpp: 'Change the type of the KV cache (--cache-type-k, --cache-type-v) or --flash-attn, or use a newer build.',
  },
  build_failed: {
    other: "A kernel could not be built: see the compiler's lines above, its version, and another attention backend.",
  },
  cpu_illegal_instruction: { other: 'Use a build for this CPU (without AVX512, AVX2 or F16C).' },
  cause_not_in_log: { other: 'Read the log from its start: the cause stands above what is shown here.' },
};
