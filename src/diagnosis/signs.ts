/** Lines that are no evidence of a failure, but say what the evidence is worth: that it was told to stop, that it works, who it is. */

import type { EngineKind } from '../core/model.js';

export type Sign =
  /** Somebody told it to end. */
  | { readonly kind: 'stop' }
  /** It has come up: whatever was said before, even that it was told to end, is past. */
  | { readonly kind: 'started' }
  /** It works: whatever was said before, it lived through it. */
  | { readonly kind: 'works' }
  /** It got over what was just said, though it may not serve yet. */
  | { readonly kind: 'recovered' }
  | { readonly kind: 'phase'; readonly phase: 'loading' | 'serving' }
  /** The next exception comes from code that reads settings. */
  | { readonly kind: 'settings' }
  /** It has taken memory of a device. */
  | { readonly kind: 'buffer' }
  /** How much memory was wanted, where some was refused before. */
  | { readonly kind: 'size' }
  /** The next exception is about one request. */
  | { readonly kind: 'request' }
  | { readonly kind: 'engine'; readonly engine: EngineKind }
  /** Here begins another life of the same engine; nothing before it counts. */
  | { readonly kind: 'incarnation' };

/** Phrases as those of rules are written. */
export const signs: readonly (readonly [Sign, readonly string[]])[] = [
  [
    { kind: 'stop' },
    [
      'SIGTERM received',
      'SIGINT received',
      'Received SIGTERM',
      'Received SIGINT',
      'Received signal SIGTERM',
      'Received signal SIGINT',
      'Received signal 15',
      'Received signal 2,',
      'received signal: terminated',
      'received signal: interrupt',
      'Caught signal 15',
      'got signal 15',
      'Got SIGTERM',
      'caught SIGTERM',
      'Received exit signal SIGTERM',
      'signal received, starting graceful shutdown',
      'Received second interrupt',
      'Received termination signal',
      'received shutdown signal',
      'cleaning up before exit',
      'Gracefully exiting',
      'Gracefully stopping',
      'gracefully shutdown',
      'Shutting down FastAPI HTTP server',
      'Waiting for application shutdown',
      'Application shutdown complete',
      'Finished server process',
      'Shutting down shards',
      'Signal received, shutting down',
      '^KeyboardInterrupt',
      '^Terminated$',
      'systemd[#]: Stopping ',
      '^Stopping llama',
      'shutting down gracefully',
      'Deactivated successfully',
      'Server shutdown requested',
      'Launcher shutting down',
      'Draining requests and shutting down',
      'ignoring SIGTERM',
      'status=15/TERM',
      'exited with code 143',
      'Exited (143)',
      'exit code 143',
      'exiting gracefully',
      'Interrupted by user',
      'Shutdown initiated',
      'Received KeyboardInterrupt',
      '^Shutting down',
      '^Aborted!$',
    ],
  ],
  [
    { kind: 'works' },
    [
      '"POST /* HTTP/#.#" 200',
      'POST /* 200 OK',
      'slot * release: ',
      'slot * print_timing',
      'update_slots: all slots are idle',
      'slots are idle',
      'Decode batch. #',
      'Decode batch, #',
      'log_server_request* status=200',
    ],
  ],
  [
    { kind: 'started' },
    [
      'Application startup complete',
      'The server is fired up and ready',
      'listening on http',
      'server is listening on',
      'HTTP server listening',
      'llama_server: model loaded',
      'main: model loaded',
      'llama runner started in',
    ],
  ],
  [
    { kind: 'recovered' },
    [
      'retrying without pipeline parallelism',
      'Will ignore error and continue',
      'falling back to CPU',
      'fallback to CPU',
      'Falling back to ',
      'falling back to ',
      'Retrying with ',
      'retrying with ',
    ],
  ],
  [
    { kind: 'phase', phase: 'serving' },
    [
      'slot launch_slot',
      'HTTP/#.#" ',
      'Avg generation throughput',
      'Avg prompt throughput',
      'Decode batch',
      'Prefill batch',
      'running: #s',
      'slot update_slots',
      'launch_slot_with_task',
      '[GIN]',
    ],
  ],
  [
    { kind: 'phase', phase: 'loading' },
    [
      'llama_model_loader',
      'load_tensors',
      'load_model: ',
      'KV buffer size',
      'compute buffer size',
      'Loading safetensors',
      'Starting to load model',
      'Load weight begin',
      'Loading weights',
      'Capture cuda graph begin',
      'Capturing cudagraph',
      'Initializing a V',
      'server_args.py',
      'arg_utils.py',
      'failed to load model',
      'failed to start',
      'initialization failed',
      'in load_model',
      'graph splits',
    ],
  ],
  [
    { kind: 'settings' },
    [
      'server_args.py", line',
      'arg_utils.py", line',
      'create_engine_config',
      'argparse.py", line',
      '/config/*.py", line',
      '/configs/*.py", line',
      'model_config.py", line',
      'from_cli_args',
      'prepare_server_args',
      '/vllm/config.py", line',
    ],
  ],
  [
    { kind: 'request' },
    [
      'Exception in ASGI application',
      'Error in preprocessing prompt',
      'Error in chat completion',
      'serving_chat.py", line',
      'serving_completion.py", line',
      'serving_engine.py", line',
      'serving_base.py", line',
      '/openai/*/serving.py", line',
      'got exception: {',
      'send_error: task id',
    ],
  ],
  [{ kind: 'buffer' }, ['buffer size = #']],
  [{ kind: 'size' }, ['buffer of size #', 'allocation of size #', '^radv/amdgpu: size*: # bytes']],
  [{ kind: 'engine', engine: 'vllm' }, ['vllm', 'EngineCore', '(APIServer pid=#)', 'VllmWorker', 'gpu_memory_utilization']],
  [
    { kind: 'engine', engine: 'sglang' },
    ['sglang', 'ServerArgs(', 'mem-fraction-static', 'Decode batch, #running-req', 'Prefill batch, #new-seq'],
  ],
  [{ kind: 'engine', engine: 'llamacpp' }, ['ggml_', 'llama_', 'ggml-cuda', 'llama-server', 'llama.cpp', 'gguf']],
  [{ kind: 'incarnation' }, ['^--- poolctl: */r# incarnation # ']],
];
