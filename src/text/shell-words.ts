/** A command as it can be typed into a shell. */

/** Words that a shell would take apart or change are quoted; the others stay as they are. */
export function shellWords(argv: readonly string[]): string {
  return argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ');
}
