import { describe, expect, it } from 'vitest';
import type { Device, PoolSpec } from '../../src/core/model.js';
import { maskVariables } from '../../src/devices/mask-variables.js';
import { engineEnvironment } from '../../src/engines/environment.js';
import fc from '../rig/chance.js';
import { deviceOf, launchOf, resolvedAs } from '../rig/launch.js';

const own = {
  POOLCTL_POOL_ID: 'chat',
  POOLCTL_REPLICA_ID: 'r0',
  POOLCTL_INSTANCE: 'chat-r0-1-abc',
  CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
};
const nothing = { CUDA_VISIBLE_DEVICES: '', ROCR_VISIBLE_DEVICES: '', HIP_VISIBLE_DEVICES: '-1', GGML_VK_VISIBLE_DEVICES: '' };

const environment = (
  spec: Partial<PoolSpec>,
  devices: readonly Device[] = [],
  supervisor: Record<string, string | undefined> = {},
) => engineEnvironment(launchOf(spec, devices), supervisor, resolvedAs());

describe('the mask', () => {
  const amd = (index: string) => deviceOf(index, { vendor: 'amd' });
  const slice = deviceOf('0:1', { uuid: 'MIG-aaaa', mig: true });

  it.each<[string, Partial<PoolSpec>, readonly Device[], Record<string, string>]>([
    ['cpu', {}, [], nothing],
    ['one', {}, [deviceOf('1')], { CUDA_VISIBLE_DEVICES: '1' }],
    ['two in the written order', {}, [deviceOf('1'), deviceOf('0')], { CUDA_VISIBLE_DEVICES: '1,0' }],
    ['a MIG slice by its UUID', {}, [slice], { CUDA_VISIBLE_DEVICES: 'MIG-aaaa' }],
    ['no mix of indexes and UUIDs', {}, [slice, deviceOf('1')], { CUDA_VISIBLE_DEVICES: 'MIG-aaaa,GPU-00000001' }],
    ['AMD', {}, [amd('2'), amd('0')], { ROCR_VISIBLE_DEVICES: '2,0' }],
    ['both vendors', {}, [deviceOf('0'), amd('0')], { CUDA_VISIBLE_DEVICES: '0', ROCR_VISIBLE_DEVICES: '0' }],
    [
      'llama.cpp, which may be a Vulkan build',
      { engine: 'llamacpp' },
      [deviceOf('1'), deviceOf('0')],
      { CUDA_VISIBLE_DEVICES: '1,0', GGML_VK_VISIBLE_DEVICES: '1,0' },
    ],
    ['llama.cpp on a slice', { engine: 'llamacpp' }, [slice], { CUDA_VISIBLE_DEVICES: 'MIG-aaaa', GGML_VK_VISIBLE_DEVICES: '' }],
  ])('%s', (_, spec, devices, expected) => {
    expect(environment(spec, devices)).toEqual({ ...own, ...expected });
  });

  it('takes the place of every mask variable that was inherited', () => {
    const inherited = Object.fromEntries(maskVariables.map((name) => [name, '7']));
    expect(environment({}, [deviceOf('1')], inherited)).toEqual({ ...own, CUDA_VISIBLE_DEVICES: '1' });
    expect(environment({}, [], inherited)).toEqual({ ...own, ...nothing });
  });
});

describe('what is inherited', () => {
  it.each([
    'POOLCTL_TOKEN',
    'NOTIFY_SOCKET',
    'WATCHDOG_USEC',
    'WATCHDOG_PID',
    'LISTEN_FDS',
    'LISTEN_PID',
    'LISTEN_FDNAMES',
    'LLAMA_ARG_CTX_SIZE',
    'LLAMA_SERVER_ROUTER_PORT',
  ])('%s is not', (name) => {
    expect(environment({}, [], { [name]: 'x', PATH: '/bin' })).toEqual({ ...own, ...nothing, PATH: '/bin' });
  });

  it.each(['PATH', 'HOME', 'LLAMA_API_KEY', 'LISTENER', 'MY_LISTEN_FDS', 'POOLCTL_TOKENS'])('%s is', (name) => {
    expect(environment({}, [], { [name]: 'x', UNSET: undefined })).toEqual({ ...own, ...nothing, [name]: 'x' });
  });
});

describe('the env of the pool', () => {
  it('wins over what is inherited, and has its placeholders filled in', () => {
    const env = { HOME: { value: '/state/${POOL_ID}/${REPLICA_ID}:${PORT}' }, LLAMA_ARG_MLOCK: { value: '1' } };
    expect(environment({ env }, [], { HOME: '/root' })).toMatchObject({ HOME: '/state/chat/r0:18100', LLAMA_ARG_MLOCK: '1' });
  });

  it('reads from_env at once and fills nothing into it; what is unset stays unset', () => {
    const env = { HF_TOKEN: { fromEnv: 'MY_TOKEN' }, GONE: { fromEnv: 'NO_SUCH' }, MINE: { fromEnv: 'POOLCTL_TOKEN' } };
    const result = environment({ env }, [], { MY_TOKEN: 'a${PORT}', POOLCTL_TOKEN: 't', GONE: 'old' });
    expect(result).toMatchObject({ HF_TOKEN: 'a${PORT}', MINE: 't', GONE: 'old' });
    expect(result).not.toHaveProperty('POOLCTL_TOKEN');
  });

  it('cannot change who the engine is or what it sees', () => {
    const env = { POOLCTL_INSTANCE: { value: 'forged' }, CUDA_VISIBLE_DEVICES: { value: '0,1' } };
    expect(environment({ env }, [deviceOf('1')])).toEqual({ ...own, CUDA_VISIBLE_DEVICES: '1' });
  });
});

describe('downloads', () => {
  const offline = { HF_HUB_OFFLINE: '1', TRANSFORMERS_OFFLINE: '1', HF_DATASETS_OFFLINE: '1' };

  it.each(['vllm', 'sglang'] as const)('%s is kept offline unless they are allowed or the pool says otherwise', (engine) => {
    expect(environment({ engine }, [], { HF_HUB_OFFLINE: '0' })).toEqual({ ...own, ...nothing, ...offline });
    expect(environment({ engine, env: { HF_HUB_OFFLINE: { value: '0' } } })).toMatchObject({ HF_HUB_OFFLINE: '0' });
    expect(engineEnvironment(launchOf({ engine }, [], { allowDownloads: true }), {}, resolvedAs())).toEqual({
      ...own,
      ...nothing,
    });
  });

  it.each(['llamacpp', 'command', 'demo'] as const)('%s gets none of that', (engine) => {
    expect(environment({ engine })).toEqual({ ...own, ...nothing });
  });
});

it('lets nothing through that names a device, for any environment and any mask', () => {
  const name = fc.oneof(fc.constantFrom(...maskVariables, 'NOTIFY_SOCKET', 'PATH'), fc.string({ minLength: 1 }));
  fc.assert(
    fc.property(fc.dictionary(name, fc.string()), fc.uniqueArray(fc.nat({ max: 15 }), { maxLength: 4 }), (supervisor, mask) => {
      const env = environment(
        {},
        mask.map((index) => deviceOf(String(index))),
        supervisor,
      );
      const masks = Object.fromEntries(Object.entries(env).filter(([key]) => (maskVariables as readonly string[]).includes(key)));
      const expected = mask.length === 0 ? nothing : { CUDA_VISIBLE_DEVICES: mask.join(',') };
      expect(masks).toEqual({ CUDA_DEVICE_ORDER: 'PCI_BUS_ID', ...expected });
      expect(env).not.toHaveProperty('NOTIFY_SOCKET');
    }),
  );
});
