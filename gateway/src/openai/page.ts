/** What a browser sees at `/`: where to go from here. */
export const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Trimtab</title>
<style>body { font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 3rem auto; padding: 0 1rem }</style>
<h1>Trimtab</h1>
<p>Activation steering and verified inference for small open language models.</p>
<ul>
<li>OpenAI-compatible: <code>POST /v1/chat/completions</code>, <code>POST /v1/completions</code>,
<a href="/v1/models"><code>GET /v1/models</code></a></li>
<li>Connect and gRPC-Web: <code>/trimtab.gateway.v1.GatewayService/*</code>; native gRPC on its own port, with reflection</li>
<li><a href="/health"><code>/health</code></a>, <a href="/metrics"><code>/metrics</code></a></li>
</ul>
<p>A steered answer:</p>
<pre>curl http://localhost:8080/v1/chat/completions -H 'content-type: application/json' -d '{
  "model": "…", "messages": [{"role": "user", "content": "Hello"}],
  "steering": {"recipe": "refusal", "compare": true}}'</pre>
</html>
`;
