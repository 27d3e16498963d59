/** The image can't be built here; the message says what to do. */
export class ImageError extends Error {
  readonly code = 'IMAGE_NOT_BUILT';
}
