/**
 * Every variable by which a GPU runtime is told which devices it may see, or how it numbers them. Inherited ones are taken away from
 * every engine, an inventory may set none of them, and engines/environment.ts sets those that a replica's mask asks for.
 */
export const maskVariables = [
  'CUDA_DEVICE_ORDER',
  'CUDA_VISIBLE_DEVICES',
  'NVIDIA_VISIBLE_DEVICES',
  'ROCR_VISIBLE_DEVICES',
  'HIP_VISIBLE_DEVICES',
  'GPU_DEVICE_ORDINAL',
  'GGML_VK_VISIBLE_DEVICES',
] as const;
