/** Secrets are known by their names, and what stands under such a name is never shown; at a launch they are known by their values, too. */

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
 * For argv: `--api-key X`, `--api-key=X`, `API_KEY=X` and `Authorization: X` lose their X, within a script (`sh -c "serve --api-key X"`) too, and URLs
 * their credentials. The rest stays, in its order.
 */
export function redactArgv(argv: readonly string[]): readonly string[] {
  return hideInArgv(argv, () => hidden);
}

/** What `redactArgv` would cover, without quotes. */
export function secretsInArgv(argv: readonly string[]): readonly string[] {
  const found: string[] = [];
  hideInArgv(argv, (value) => {
    found.push(value.replace(/^(["'])(.*)\1$/s, '$2').replace(/^(?:bearer|basic)\s/i, ''));
    return hidden;
  });
  return found;
}

type Hide = (value: string) => string;

function hideInArgv(argv: readonly string[], hide: Hide): readonly string[] {
  return argv.map((arg, i) => {
    const flag = i === 0 ? undefined : argv[i - 1];
    if (flag !== undefined && isSecretValue(flag, arg)) return hide(arg);
    const [, name, separator, value] = /^(-{0,2}[\w.-]+)(=|:\s*)(.+)$/s.exec(arg) ?? [];
    return name !== undefined && value !== undefined && isSecret(name, value)
      ? `${name}${separator}${hide(value)}`
      : hideInScript(hideInUrls(arg, hide), hide);
  });
}

/** A telling name and what it names. Bounded repeats: a text may be a megabyte. */
const named =
  /(^|[\s"'])(-{0,2}[\w.-]{0,32}(?:token|key|secret|password|authorization)[\w.-]{0,32})(=|:\s|\s)("[^"]{0,1000}"|'[^']{0,1000}'|(?:(?:bearer|basic)\s)?[^\s"']{1,1000})/gis;

function hideInScript(text: string, hide: Hide): string {
  if (!/\s/.test(text)) return text;
  return text.replace(named, (all: string, before: string, name: string, separator: string, value: string) =>
    (separator.trim() !== '' || name.startsWith('-')) && isSecret(name, value)
      ? `${before}${name}${separator}${hide(value)}`
      : all,
  );
}

/** `https://user:X@host/file?token=X`: whoever stands before the host, and what telling parameters say. */
function hideInUrls(text: string, hide: Hide): string {
  if (!text.includes('://')) return text;
  return text
    .replace(/([a-z][\w+.-]{0,31}:\/\/)([^\s/?#"']{1,1000})@/gi, (_, scheme: string, who: string) => {
      const [user, ...password] = who.split(':');
      if (user !== undefined && user !== '' && user !== hidden) hide(user);
      if (password.length > 0) hide(password.join(':'));
      return `${scheme}${hidden}@`;
    })
    .replace(
      /([?&][\w.-]{0,64}(?:token|key|secret|password|signature|authorization)[\w.-]{0,64}=)([^&#\s"']{1,2000})/gi,
      (_, name: string, value: string) => `${name}${hide(value)}`,
    );
}

/**
 * For what a program printed: only names that mean a secret beyond doubt, since `key: value` stands in many an error message, and the credentials of
 * URLs.
 */
export function redactText(text: string): string {
  const url = hideInUrls(text, () => hidden);
  if (!tellingWord.test(url)) return url;
  return url.replace(printed, (all: string, name: string, separator: string, value: string) =>
    (separator.trim() !== '' || name.startsWith('-')) && isSecret(name, value) ? `${name}${separator}${hidden}` : all,
  );
}

const tellingWord = /token|key|secret|password|authorization/i;
const printed = new RegExp(
  [
    /(?<![\w.-])(--?[a-z][\w.-]{0,32}|[A-Z][A-Z0-9_]{0,48}|[\w.-]{0,16}(?:api[_-]?key|(?:access|auth|bearer|hf|refresh)[_-]?token|password|secret|[Aa]uthorization))/,
    /(["']?(?:=|:\s?)|\s)/,
    /("[^"]{0,1000}"|'[^']{0,1000}'|\[[^\]]{0,1000}\]|(?:[Bb]earer\s|[Bb]asic\s)?[^\s"',;)}\]]{1,1000})/,
  ]
    .map(({ source }) => source)
    .join(''),
  'g',
);

/**
 * Covers these values wherever they stand in a text, as they are, in JSON and in URLs, each line of those that have several, and what else `redactText`
 * knows. A value of fewer than six characters is an ordinary word: it is not covered.
 */
export function coverOf(secrets: Iterable<string>): (text: string) => string {
  const words = new Set([...secrets].flatMap(formsOf));
  const longestFirst = [...words].sort((a, b) => b.length - a.length);
  return (text) => {
    const covered = longestFirst.reduce((rest, word) => (rest.includes(word) ? rest.replaceAll(word, hidden) : rest), text);
    return redactText(covered.length < cutAt ? covered : withoutCutSecret(covered, longestFirst));
  };
}

const leastCharacters = 6;
/** Lines are cut at some length: in the middle of a secret, where that is at the end. */
const cutAt = 200;

function formsOf(secret: string): readonly string[] {
  const lines = secret.split(/\r?\n/).map((line) => line.trim());
  return lines
    .filter((line) => line.length >= leastCharacters)
    .flatMap((line) => [line, JSON.stringify(line).slice(1, -1), ...(half.test(line) ? [] : [encodeURIComponent(line)])]);
}

/** Half a character has no form in a URL. */
const half = /\p{Surrogate}/u;

function withoutCutSecret(text: string, words: readonly string[]): string {
  for (const word of words) {
    for (let length = word.length - 1; length >= leastCharacters; length -= 1) {
      if (text.endsWith(word.slice(0, length))) return text.slice(0, -length) + hidden;
    }
  }
  return text;
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
    Object.entries(env).map(([name, value]) => [
      name,
      more.has(name) || isSecretName(name) ? hidden : hideInUrls(value, () => hidden),
    ]),
  );
}
