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

/** For argv: `--api-key X`, `--api-key=X`, `API_KEY=X` and `Authorization: X` lose their X. The rest stays, in its order. */
export function redactArgv(argv: readonly string[]): readonly string[] {
  return argv.map((arg, i) => {
    const flag = i === 0 ? undefined : argv[i - 1];
    if (flag !== undefined && isSecretValue(flag, arg)) return hidden;
    const [, name, separator, value] = /^(-{0,2}[\w.-]+)(=|:\s*)(.+)$/s.exec(arg) ?? [];
    return name !== undefined && value !== undefined && isSecret(name, value) ? `${name}${separator}${hidden}` : arg;
  });
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

/** For free text: each of `secrets` is taken out wherever it stands. Those of fewer than four characters would take out half the text. */
export function redactText(text: string, secrets: readonly string[]): string {
  const long = secrets.filter((secret) => secret.length >= 4).sort((a, b) => b.length - a.length);
  return long.reduce((clean, secret) => clean.replaceAll(secret, hidden), text);
}
