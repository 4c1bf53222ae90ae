/** Says before the run that there is nothing to test against, where that is so: a skipped test must not look like a passed one. */
export function setup(): void {
  if ((process.env.LLAMA_SERVER ?? '') === '') {
    process.stderr.write(
      'SKIPPED: test/real needs a llama-server: LLAMA_SERVER=$(node scripts/llama-server.mjs) npm test -- real\n',
    );
  }
}
