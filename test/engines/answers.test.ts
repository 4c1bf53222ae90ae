import { describe, expect, it } from 'vitest';
import type { PoolSpec } from '../../src/core/model.js';
import { countAt, sumOfSeries, textAt } from '../../src/engines/answers.js';
import { adapters } from '../../src/engines/index.js';
import fc from '../rig/chance.js';
import { launchOf } from '../rig/launch.js';

describe('llama-server', () => {
  const [props] = adapters.llamacpp.describe;
  const { inflight, decoded, versionCommand, listDevices } = adapters.llamacpp;

  it('tells build, slots and context', () => {
    const body = JSON.stringify({
      build_info: 'b10587-3f545becc',
      total_slots: 4,
      default_generation_settings: { n_ctx: 32768, params: {} },
    });
    expect(props?.read(body)).toEqual({ engineVersion: 'b10587-3f545becc', slotsTotal: 4, ctxMax: 32768 });
  });

  it.each([
    ['{"error":{"message":"Invalid API Key","type":"authentication_error","code":401}}'],
    ['{"build_info":7,"total_slots":"4","default_generation_settings":null}'],
    ['<html>'],
    [''],
    ['null'],
  ])('tells nothing by %s', (body) => {
    expect(props?.read(body)).toBeNull();
  });

  it('counts running and waiting requests', () => {
    const body = [
      '# HELP llamacpp:requests_processing Number of requests processing.',
      '# TYPE llamacpp:requests_processing gauge',
      'llamacpp:requests_processing 2',
      'llamacpp:requests_deferred 1',
      'llamacpp:n_decode_total 900',
    ].join('\n');
    expect(inflight?.path).toBe('/metrics');
    expect(inflight?.read(body)).toBe(3);
    expect(inflight?.read(body.replace('requests_deferred', 'requests_delayed'))).toBeNull();
    expect([decoded?.path, decoded?.read(body), decoded?.read('')]).toEqual(['/metrics', 900, null]);
  });

  it.each([
    ['version: 0.2.0-dev (build 10587, commit 3f545becc)\nbuilt with GNU 12.2.0 for Linux x86_64\n', 'b10587-3f545becc'],
    ['ggml_cuda_init: found 1 CUDA devices:\nversion: 4754 (c392e509)\nbuilt with cc\n', 'b4754-c392e509'],
    ['version: 9.9 of somebody\n', '9.9 of somebody'],
    ['llama-server: not found\n', null],
  ])('version of %j', (output, version) => {
    expect(versionCommand?.args).toEqual(['--version']);
    expect(versionCommand?.read(output)).toBe(version);
  });

  it.each([
    ['Available devices:\n  (none)\n', []],
    ['Available devices:\n', []],
    ['Available devices:\n  BLAS: OpenBLAS (0 MiB, 0 MiB free)\n', []],
    [
      'ggml_cuda_init: found 2 CUDA devices:\n  Device 0: RTX 3090\nAvailable devices:\n  CUDA0: NVIDIA GeForce RTX 3090 (24124 MiB, 23815 MiB free)\n  CUDA1: NVIDIA GeForce RTX 3090 (24124 MiB, 99 MiB free)\n',
      ['CUDA0', 'CUDA1'],
    ],
    [
      'Available devices:\n  Vulkan0: AMD Radeon (16384 MiB, 16000 MiB free)\n  ROCm0: AMD Radeon (1 MiB, 1 MiB free)\n',
      ['Vulkan0', 'ROCm0'],
    ],
    ['error: invalid argument: --list-devices\n', null],
  ])('devices of %j', (output, devices) => {
    expect(listDevices?.args).toEqual(['--list-devices']);
    expect(listDevices?.read(output)).toEqual(devices);
  });
});

describe('vllm and sglang', () => {
  it('sum their requests over processes and labels', () => {
    const body = [
      '# TYPE vllm:num_requests_running gauge',
      'vllm:num_requests_running{engine="0",model_name="a b"} 2.0',
      'vllm:num_requests_running{engine="1",model_name="}"} 1.0',
      'vllm:num_requests_waiting{engine="0"} 4.0 1395066363000',
      'vllm:num_requests_waiting_by_reason{reason="x"} 99.0',
    ].join('\n');
    expect(adapters.vllm.inflight?.read(body)).toBe(7);
    expect(adapters.sglang.inflight?.read(body)).toBeNull();
    expect(
      adapters.sglang.inflight?.read(
        body
          .replaceAll('vllm:num_requests_running', 'sglang:num_running_reqs')
          .replaceAll('vllm:num_requests_waiting', 'sglang:num_queue_reqs'),
      ),
    ).toBe(7);
  });

  it.each(['vllm', 'sglang'] as const)('%s tells its version and its longest context', (engine) => {
    const answers: Record<string, string> = {
      '/version': '{"version":"0.17.1"}',
      '/server_info': '{"version":"0.17.1","tp_size":1}',
      '/get_server_info': '{"version":"0.17.1"}',
      '/v1/models': '{"object":"list","data":[{"id":"x","max_model_len":40960}]}',
    };
    expect(adapters[engine].describe.map(({ path, read }) => read(answers[path] ?? ''))).toContainEqual({
      engineVersion: '0.17.1',
    });
    expect(adapters[engine].describe.map(({ path, read }) => read(answers[path] ?? ''))).toContainEqual({ ctxMax: 40960 });
  });
});

describe('the speed of an engine', () => {
  const perfOf = (engine: PoolSpec['engine'], ...lines: readonly string[]) => adapters[engine].perf?.read(lines.join('\n'));
  const unknown = { tokens: null, tokenSeconds: null, firstTokens: null, firstTokenSeconds: null };

  it('is on the same page as its requests', () => {
    for (const { perf, inflight } of Object.values(adapters)) expect(perf?.path).toBe(inflight?.path);
    expect(adapters.command.perf).toBeNull();
  });

  it.each(['llamacpp', 'demo'] as const)('%s counts tokens and their seconds, and no first ones', (engine) => {
    const lines = ['# TYPE llamacpp:tokens_predicted_total counter', 'llamacpp:tokens_predicted_total 640'];
    expect(perfOf(engine, ...lines, 'llamacpp:tokens_predicted_seconds_total 12.5')).toEqual({
      ...unknown,
      tokens: 640,
      tokenSeconds: 12.5,
    });
    // Its averages begin anew with each reader, whoever that is.
    expect(perfOf(engine, ...lines, 'llamacpp:predicted_tokens_seconds 51.2')).toBeNull();
  });

  it.each(['vllm', 'sglang'] as const)('%s has histograms, whose buckets do not count', (engine) => {
    const labels = (index: number) => `{engine="${index}",model_name="a b"}`;
    const lines = [0, 1].flatMap((index) => [
      `${engine}:time_to_first_token_seconds_bucket{le="0.5",engine="${index}"} 70.0`,
      `${engine}:time_to_first_token_seconds_count${labels(index)} 4.0`,
      `${engine}:time_to_first_token_seconds_sum${labels(index)} 1.5`,
      `${engine}:inter_token_latency_seconds_bucket{le="+Inf",engine="${index}"} 300.0`,
      `${engine}:inter_token_latency_seconds_count${labels(index)} 300.0`,
      `${engine}:inter_token_latency_seconds_sum${labels(index)} 6.25`,
    ]);
    const told = { tokens: 600, tokenSeconds: 12.5, firstTokens: 8, firstTokenSeconds: 3 };
    expect(perfOf(engine, ...lines)).toEqual(told);
    const older = lines.map((line) => line.replace('inter_token_latency', 'time_per_output_token'));
    expect(perfOf(engine, ...older)).toEqual(told);
    // A version that has both under two names counts its tokens once.
    expect(perfOf(engine, ...lines, ...older)).toMatchObject({ tokens: 600 });
    expect(perfOf(engine, ...lines.filter((line) => line.includes('first')))).toEqual({
      ...unknown,
      firstTokens: 8,
      firstTokenSeconds: 3,
    });
    expect(perfOf(engine, 'python_gc_objects_collected_total 7')).toBeNull();
  });
});

describe('any answer at all', () => {
  it('is read without harm', () => {
    const body = fc.oneof(fc.string(), fc.json());
    fc.assert(
      fc.property(body, (text) => {
        for (const { describe: questions, inflight, perf } of Object.values(adapters)) {
          perf?.read(text);
          for (const { read } of questions) read(text);
          const running = inflight?.read(text) ?? 0;
          expect(Number.isFinite(running)).toBe(true);
        }
      }),
    );
  });

  it('gives no text that could not be shown, and no count that is none', () => {
    expect(textAt('{"v":"a\\u001b[2Jb"}', 'v')).toBeNull();
    expect(textAt(JSON.stringify({ v: 'x'.repeat(201) }), 'v')).toBeNull();
    expect(textAt('{"v":"1.0"}', 'v')).toBe('1.0');
    expect([0, -1, 1.5, '4', null, 2 ** 60].map((v) => countAt(JSON.stringify({ v }), 'v'))).toEqual([
      null,
      null,
      null,
      null,
      null,
      null,
    ]);
    expect(textAt('{"a":1}', 'constructor', 'name')).toBeNull();
    expect(sumOfSeries('a NaN\n', 'a')).toBeNull();
    expect(sumOfSeries('a 1e2\na{b="c"} 1\n', 'a')).toBe(101);
  });
});

describe('the request for one token', () => {
  const asked = (spec: Partial<PoolSpec>) => adapters[spec.engine ?? 'command'].oneToken?.(launchOf(spec)) ?? null;

  it("is llama-server's own, and the demo engine's", () => {
    expect(asked({ engine: 'llamacpp' })).toMatchObject({ path: '/completion', body: { n_predict: 1 } });
    expect(asked({ engine: 'demo' })).toEqual(asked({ engine: 'llamacpp' }));
  });

  it.each<[string, Partial<PoolSpec>]>([
    ['qwen', { modelId: 'qwen', model: 'hf:org/repo' }],
    ['other', { modelId: 'qwen', args: ['--served-model-name', 'other'] }],
    ['org/repo', { modelId: null, model: 'hf:org/repo' }],
  ])('calls the model "%s" as the server knows it', (model, spec) => {
    for (const engine of ['vllm', 'sglang'] as const)
      expect(asked({ ...spec, engine })).toEqual({ path: '/v1/completions', body: { model, prompt: 'a', max_tokens: 1 } });
  });

  it('is unknown of a program that is only a command', () => {
    expect(asked({ engine: 'command' })).toBeNull();
  });
});
