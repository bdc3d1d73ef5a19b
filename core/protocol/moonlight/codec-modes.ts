/** `ServerCodecModeSupport` of /serverinfo. Source: moonlight-common-c `Limelight.h` (`SCM_*`). */

/** Bits of `ServerCodecModeSupport`, to be added up. */
export const CODEC_MODE = {
  H264: 0x1,
  HEVC: 0x100,
  HEVC_MAIN10: 0x200,
  AV1_MAIN8: 0x1_0000,
  AV1_MAIN10: 0x2_0000,
  H264_HIGH8_444: 0x4_0000,
  HEVC_REXT8_444: 0x8_0000,
  HEVC_REXT10_444: 0x10_0000,
  AV1_HIGH8_444: 0x20_0000,
  AV1_HIGH10_444: 0x40_0000,
} as const;
