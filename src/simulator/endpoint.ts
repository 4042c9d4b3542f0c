/** The names under which the simulator counts requests, and by which fault rules can choose them. */
export const endpoints = [
  'submit',
  'chat',
  'read',
  'credits',
  'models',
  'file-upload',
  'file-read',
  'webhooks',
  'download',
  'other',
] as const;

export type Endpoint = (typeof endpoints)[number];

/** The scope that a key needs, by endpoint; null where the endpoint is public or not of the API. */
export const scopeOf: Record<Endpoint, string | null> = {
  submit: 'generations:create',
  chat: 'chat:create',
  read: 'generations:read',
  credits: 'credits:read',
  models: null,
  'file-upload': 'files:create',
  'file-read': 'files:read',
  webhooks: 'webhooks:manage',
  download: null,
  other: null,
};
