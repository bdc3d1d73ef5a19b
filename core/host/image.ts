/** Which picture format some bytes are, by the bytes themselves: a host's Content-Type is only its word. */

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const JPEG = [0xff, 0xd8, 0xff];
/** The container of WebP, its size, and the format's name. */
const RIFF = [0x52, 0x49, 0x46, 0x46];
const WEBP = [0x57, 0x45, 0x42, 0x50];
const WEBP_OFFSET = 8;

export type ImageType = 'image/png' | 'image/jpeg' | 'image/webp';

/** The format; `undefined` for anything else, such as SVG or HTML, which a browser would run. */
export function imageType(bytes: Uint8Array): ImageType | undefined {
  if (has(bytes, PNG, 0)) return 'image/png';
  if (has(bytes, JPEG, 0)) return 'image/jpeg';
  if (has(bytes, RIFF, 0) && has(bytes, WEBP, WEBP_OFFSET)) return 'image/webp';
  return undefined;
}

function has(bytes: Uint8Array, signature: readonly number[], offset: number): boolean {
  return signature.every((byte, index) => bytes[offset + index] === byte);
}
