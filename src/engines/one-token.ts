/** The request for one token to servers that speak OpenAI's API. */

import type { Launch } from '../core/messages.js';
import { flagValue } from './flags.js';
import { hubReference } from './hub.js';

/** These servers refuse a request that does not call their model by its name. */
export function oneToken({ spec }: Launch): { readonly path: '/v1/completions'; readonly body: object } {
  const model = flagValue(spec.args, '--served-model-name') ?? spec.modelId ?? hubReference(spec.model ?? '');
  return { path: '/v1/completions', body: { model, prompt: 'a', max_tokens: 1 } };
}
