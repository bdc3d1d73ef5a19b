/** The ports a Moonlight host is known by: what clients use when nothing else was said, and Wolf's media ports. */

/** TCP `http`, `https`, `rtsp`; UDP `control`, `video`, `audio`. */
export const MOONLIGHT_PORTS = {
  http: 47_989,
  https: 47_984,
  rtsp: 48_010,
  control: 47_999,
  video: 48_100,
  audio: 48_200,
} as const;
