/**
 * The one place that knows chalk. chalk does not obey NO_COLOR, so the level is decided here, per stream, from flags and environment; and
 * chalk is loaded only where there is colour, since it costs a client a tenth of its start.
 */

export type ColourWish = 'auto' | 'always' | 'never';

type Env = Readonly<Record<string, string | undefined>>;

/** What colours mean here; sixteen colours, no backgrounds, and nothing is said by colour alone. */
export type Palette = {
  readonly good: (text: string) => string;
  readonly busy: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly faint: (text: string) => string;
  readonly strong: (text: string) => string;
};

const same = (text: string): string => text;

export const plain: Palette = { good: same, busy: same, bad: same, faint: same, strong: same };

/** Whether a stream gets colour. A flag beats NO_COLOR, NO_COLOR beats FORCE_COLOR, both beat what the stream is. */
export function isColoured(wish: ColourWish, env: Env, stream: { readonly isTTY: boolean }): boolean {
  if (wish !== 'auto') return wish === 'always';
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return false;
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false';
  return stream.isTTY && env.TERM !== 'dumb';
}

export async function palette(wish: ColourWish, env: Env, stream: { readonly isTTY: boolean }): Promise<Palette> {
  if (!isColoured(wish, env, stream)) return plain;
  const { Chalk } = await import('chalk');
  const chalk = new Chalk({ level: 1 });
  return { good: chalk.blue, busy: chalk.yellow, bad: chalk.bold.red, faint: chalk.dim, strong: chalk.bold };
}
