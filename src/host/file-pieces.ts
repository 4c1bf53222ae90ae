/** Reading a file of any size from its beginning to its end. */

import { open } from 'node:fs/promises';

const pieceBytes = 256 * 1024;

/** Each piece is valid until the next one is asked for: they share their memory. @throws the error of the file system, also for a directory. */
export async function* filePieces(path: string): AsyncGenerator<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.allocUnsafeSlow(pieceBytes);
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, pieceBytes, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
