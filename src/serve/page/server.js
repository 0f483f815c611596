// Where the server is and what it offers. The page may lie behind a proxy's path, so every address is relative to it.

const KEY = 'glossa.apiKey';
let apiKey = '';
try {
  apiKey = sessionStorage.getItem(KEY) ?? '';
} catch {
  // Storage is blocked: the key lasts as long as the page.
}

export const hasApiKey = () => apiKey !== '';

export function setApiKey(key) {
  apiKey = key;
  try {
    sessionStorage.setItem(KEY, key);
  } catch {
    // As above.
  }
}

const address = (path) => new URL(path, document.baseURI);

// Browsers send no headers of ours with a WebSocket, so the key is in the address.
export function captionsAddress() {
  const url = address('v1/realtime?intent=captions');
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  if (apiKey) url.searchParams.set('api_key', apiKey);
  return url;
}

// { status: 0 without an answer, model: null unless there is one }
export async function fetchModel() {
  try {
    const headers = apiKey ? { Authorization: `Bearer ${apiKey}` } : {};
    const response = await fetch(address('v1/models'), { cache: 'no-store', headers });
    if (!response.ok) return { status: response.status, model: null };
    const { data } = await response.json();
    return { status: response.status, model: data?.[0] ?? null };
  } catch {
    return { status: 0, model: null };
  }
}

export const probe = async () => (await fetchModel()).status;
