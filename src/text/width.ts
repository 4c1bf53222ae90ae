/** How many columns of a terminal a text takes. */

/** East Asian wide and fullwidth characters, and emoji. */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;
/** Combining marks and invisible format characters. */
const invisible = /[\p{Mn}\p{Me}\p{Cf}]/u;

/** Never negative; a tab counts as one, since its width depends on where it stands. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const char of text) width += invisible.test(char) ? 0 : wide.test(char) ? 2 : 1;
  return width;
}

/** Control characters and those that turn the direction of writing become `?`: text of others cannot steer a terminal. Tabs stay. */
export function harmless(text: string): string {
  return text.replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '?');
}
