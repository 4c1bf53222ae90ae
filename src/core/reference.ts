/** A model's reference as it may be shown. */

/** Without what a URL has before its host (`https://user:password@host/…`) and behind its path (`?token=…`); anything else is as it is. */
export function shownReference(reference: string): string {
  if (!reference.includes('://')) return reference;
  return reference.replace(/^([a-z][\w+.-]*:\/\/)[^/?#]*@/i, '$1***@').replace(/\?[^#]*/, '?***');
}
