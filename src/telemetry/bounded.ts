/** Writing to a stream whose reader may stall: what waits for him in memory is bounded, and what he misses is said in its place. */

export type BoundedStream = {
  write(text: string): unknown;
  /** Bytes that the stream keeps, since they could not be written yet. */
  readonly writableLength?: number | undefined;
};

/** A reader has to be very slow for this, and a supervisor must not grow by more. */
const mostWaitingBytes = 1024 * 1024;

/**
 * What it returns writes a text of so many lines. The text is made only where there is room for it, and is given what stands for the lines that were left
 * out before it, by `missing`; empty where none were. Never throws: the reader may be gone, and the engines are not.
 */
export function boundedWriter(
  stream: BoundedStream,
  missing: (lines: number) => string,
  mostBytes = mostWaitingBytes,
): (lines: number, text: (gap: string) => string) => void {
  let leftOut = 0;
  return (lines, text) => {
    if ((stream.writableLength ?? 0) >= mostBytes) {
      leftOut += lines;
      return;
    }
    const gap = leftOut === 0 ? '' : missing(leftOut);
    leftOut = 0;
    try {
      stream.write(text(gap));
    } catch {}
  };
}
