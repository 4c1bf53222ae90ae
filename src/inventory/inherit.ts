/** `defaults` under a pool: key by key, maps merged, everything else replaced. */

/** What `own` says wins; what it does not say comes from `base`. Neither is changed; parts may be shared with the result. */
export function inherit<B extends object>(base: B, own: object): B {
  const merged: Record<string, unknown> = Object.fromEntries(Object.entries(base));
  for (const [name, value] of Object.entries(own)) {
    if (value === undefined) continue;
    const inherited = merged[name];
    merged[name] = isMap(inherited) && isMap(value) ? inherit(inherited, value) : value;
  }
  return merged as unknown as B;
}

function isMap(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
