/** Secrets are known by their names: what stands under such a name is never shown. */

export const hidden = '***';

const telling = /token|key|secret|password|authorization/i;
/** `--tokenizer`, and counts such as `--max-num-batched-tokens 8192`, are not secrets. */
const tokenizer = /tokeni[sz]er/gi;
const countName = /tokens$/i;

/** Does what stands under this key, variable or flag have to stay unseen? */
export function isSecretName(name: string): boolean {
  return telling.test(name.replace(tokenizer, ''));
}

/**
 * For argv: `--api-key X`, `--api-key=X`, `API_KEY=X` and `Authorization: X` lose their X, within a script (`sh -c "serve --api-key X"`) too. The
 * rest stays, in its order.
 */
export function redactArgv(argv: readonly string[]): readonly string[] {
  return argv.map((arg, i) => {
    const flag = i === 0 ? undefined : argv[i - 1];
    if (flag !== undefined && isSecretValue(flag, arg)) return hidden;
    const [, name, separator, value] = /^(-{0,2}[\w.-]+)(=|:\s*)(.+)$/s.exec(arg) ?? [];
    return name !== undefined && value !== undefined && isSecret(name, value)
      ? `${name}${separator}${hidden}`
      : redactScript(arg);
  });
}

/** A telling name and what it names. Bounded repeats: a text may be a megabyte. */
const named =
  /(^|[\s"'])(-{0,2}[\w.-]{0,32}(?:token|key|secret|password|authorization)[\w.-]{0,32})(=|:\s|\s)("[^"]{0,1000}"|'[^']{0,1000}'|(?:(?:bearer|basic)\s)?[^\s"']{1,1000})/gis;

function redactScript(text: string): string {
  if (!/\s/.test(text)) return text;
  return text.replace(named, (all: string, before: string, name: string, separator: string, value: string) =>
    (separator.trim() !== '' || name.startsWith('-')) && isSecret(name, value) ? `${before}${name}${separator}${hidden}` : all,
  );
}

/** Is `arg` the value of the flag before it, and a secret? A flag that carries its value itself has none behind it. */
export function isSecretValue(flag: string, arg: string): boolean {
  return /^--?[a-z][\w.-]*$/i.test(flag) && !arg.startsWith('--') && isSecret(flag, arg);
}

function isSecret(name: string, value: string): boolean {
  return isSecretName(name) && !(countName.test(name) && /^\d+$/.test(value));
}

/** For an environment: the values under telling names, and those whose names are in `more` (every `from_env`). */
export function redactEnv(env: Readonly<Record<string, string>>, more: ReadonlySet<string>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(env).map(([name, value]) => [name, more.has(name) || isSecretName(name) ? hidden : value]),
  );
}
