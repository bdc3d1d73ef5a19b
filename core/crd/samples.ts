/** A valid object of each kind without its metadata, with every field that Gleipnir knows, for tests of whatever keeps or shows them. */
import type { Kind, ObjectOf } from './types.ts';

const resources = { requests: { cpu: '500m', memory: '1Gi' }, limits: { cpu: 2, memory: '2Gi' } };
const condition = {
  type: 'Accepted',
  status: 'True',
  reason: 'Unique',
  message: 'No other object says the same.',
  lastTransitionTime: '2026-11-21T10:00:00Z',
  observedGeneration: 1,
} as const;
const sidecar = {
  env: [
    { name: 'LANG', value: 'C.UTF-8' },
    { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
  ],
  resources,
  volumeMounts: [{ name: 'games', mountPath: '/games', readOnly: true, mountPropagation: 'None' }],
  securityContext: { privileged: false, capabilities: { drop: ['ALL'] } },
  hostIPC: false,
};

interface Sample<K extends Kind> {
  spec: ObjectOf[K]['spec'];
  status: NonNullable<ObjectOf[K]['status']>;
}

export const SAMPLES: { readonly [K in Kind]: Sample<K> } = {
  User: {
    spec: {
      resources,
      volumes: [{ name: 'games', hostPath: { path: '/srv/games', type: 'Directory' } }],
      sidecarPolicies: { wolf: sidecar, pulseaudio: sidecar, wolfAgent: sidecar },
      subjects: ['alex@example.org'],
      maxSessions: 2,
      hostSelector: { room: 'attic' },
    },
    status: { conditions: [condition], sessions: 1 },
  },
  App: {
    spec: {
      title: 'Test ball',
      id: 4_711,
      isHDRSupported: true,
      appAssetWebP: 'UklGRg==',
      template: {
        metadata: { labels: { game: 'ball' }, annotations: { note: 'any' } },
        spec: { containers: [{ name: 'game', image: 'example.org/ball:1' }], hostNetwork: false },
      },
      wolfConfig: {
        startAudioServer: false,
        startVirtualCompositor: true,
        audio: { source: 'audiotestsrc', sink: 'fakesink' },
        video: { source: 'videotestsrc' },
        runner: { type: 'process', run_cmd: 'sleep' },
        runtimeVariables: { renderNode: '/dev/dri/renderD128', timeZone: 'Europe/Madrid', logLevel: 'INFO' },
      },
      volumeClaimTemplate: {
        metadata: { labels: { game: 'ball' } },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Gi' } } },
      },
      hosts: ['attic'],
    },
    status: { conditions: [condition], available: true },
  },
  Pairing: {
    spec: {
      userReference: { name: 'alex' },
      clientCertPEM: '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n',
      clientName: 'Sofa',
      fingerprint: 'ab'.repeat(32),
    },
    status: { lastSeen: '2026-11-21T10:00:00Z', conditions: [condition] },
  },
  Session: {
    spec: {
      userReference: { name: 'alex' },
      pairingReference: { name: 'p-1' },
      gameReference: { name: '4711' },
      gateway: { name: 'edge', namespace: 'gateways' },
      config: { videoWidth: 1_920, videoHeight: 1_080, videoRefreshRate: 60, surroundAudioFlags: 196_610 },
    },
    status: {
      phase: 'Streaming',
      launchGeneration: 1,
      streamURL: 'rtspenc://192.0.2.1:48010',
      hostName: 'attic',
      message: 'Welcome',
      reason: 'HOST_BUSY',
      isFrozen: false,
      playedBy: 'p-1',
      conditions: [condition],
      observedGeneration: 1,
      podName: 'ball',
      nodeName: 'node-1',
      wolfSessionID: '42',
      deploymentName: 'ball',
      serviceName: 'ball',
      ports: { rtsp: 48_010, control: 47_999, videoRTP: 48_100, audioRTP: 48_200 },
    },
  },
};
