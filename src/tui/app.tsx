/** The frame as Ink components: a line each, drawn anew only where it has changed. What stands in them is made in `frame.ts`. */

import { Box, render, Text } from 'ink';
import { memo, useSyncExternalStore } from 'react';

/** The lines that are to be shown, with the escape sequences of their colours. */
export class Frames {
  private lines: readonly string[] = [];
  private readonly listeners = new Set<() => void>();

  readonly current = (): readonly string[] => this.lines;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  show(lines: readonly string[]): void {
    this.lines = lines;
    for (const listener of this.listeners) listener();
  }
}

const Row = memo(function Row({ text }: { readonly text: string }) {
  // An empty text has no height.
  return <Text wrap="truncate-end">{text === '' ? ' ' : text}</Text>;
});

/** `columns`: of the terminal, which no line is wider than. */
export function App({ frames }: { readonly frames: Frames }) {
  const lines = useSyncExternalStore(frames.subscribe, frames.current);
  return (
    <Box flexDirection="column" flexShrink={0}>
      {lines.map((text, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a line is its place on the screen
        <Row key={row} text={text} />
      ))}
    </Box>
  );
}

/**
 * Ink composes, `show` draws: with `debug` Ink hands over each frame whole, and neither moves the cursor nor clears the terminal, scrollback included,
 * when it becomes smaller. Keys are read elsewhere.
 */
export function mount(frames: Frames, width: () => number, show: (lines: readonly string[]) => void): () => void {
  const stdout = {
    get columns() {
      return width();
    },
    write: (text: string): boolean => {
      show(text.split('\n'));
      return true;
    },
    on: () => stdout,
    off: () => stdout,
  };
  const { unmount } = render(<App frames={frames} />, {
    stdout: stdout as unknown as NodeJS.WriteStream,
    debug: true,
    exitOnCtrlC: false,
    patchConsole: false,
  });
  return unmount;
}
