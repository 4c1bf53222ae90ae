/** The frame as Ink components: a line each, drawn anew only where it has changed. What stands in them is made in `frame.ts`. */

import { Box, render, Text } from 'ink';
import { memo, useSyncExternalStore } from 'react';

/** Lines with the escape sequences of their colours, none wider than `columns`. */
type Shown = { readonly lines: readonly string[]; readonly columns: number };

/** What is to be shown, for whoever shows it. */
export class Frames {
  private shown: Shown = { lines: [], columns: 0 };
  private readonly listeners = new Set<() => void>();

  readonly current = (): Shown => this.shown;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  show(lines: readonly string[], columns: number): void {
    this.shown = { lines, columns };
    for (const listener of this.listeners) listener();
  }
}

const Row = memo(function Row({ text }: { readonly text: string }) {
  // An empty text has no height.
  return <Text wrap="truncate-end">{text === '' ? ' ' : text}</Text>;
});

export function App({ frames }: { readonly frames: Frames }) {
  const { lines, columns } = useSyncExternalStore(frames.subscribe, frames.current);
  return (
    <Box flexDirection="column" flexShrink={0} width={columns}>
      {lines.map((text, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a line is its place on the screen
        <Row key={row} text={text} />
      ))}
    </Box>
  );
}

/**
 * Ink composes, `draw` draws: with `debug` Ink hands over each frame whole, and neither moves the cursor nor clears the terminal, scrollback included,
 * when it becomes smaller. Keys are read elsewhere.
 */
export function mount(frames: Frames, draw: (lines: readonly string[]) => void): () => void {
  const stdout = {
    get columns() {
      return frames.current().columns;
    },
    write: (text: string): boolean => {
      draw(text.split('\n'));
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
    isScreenReaderEnabled: false,
  });
  return unmount;
}
