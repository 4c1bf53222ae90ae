/** The two small answers that are no views. */

import { component, object, text, words } from './schema.js';

type Liveness = { readonly status: 'ok'; readonly version: string };

export const liveness = component<Liveness>(
  'Health',
  object<Liveness>({ status: words('', { ok: '' }), version: text('Of poolctl.') }),
  { status: 'ok', version: '1.0.0' },
);

/** Whoever reads it knows its form. */
export const document = component<object>('Document', { schema: { type: 'object' } }, { openapi: '3.1.1' });
