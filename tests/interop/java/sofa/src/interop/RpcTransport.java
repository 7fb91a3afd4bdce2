package interop;

import com.alipay.remoting.InvokeContext;
import com.alipay.remoting.Url;
import com.alipay.remoting.config.BoltClientOption;
import com.alipay.sofa.rpc.client.ProviderInfo;
import com.alipay.sofa.rpc.core.request.SofaRequest;
import com.alipay.sofa.rpc.ext.Extension;
import com.alipay.sofa.rpc.transport.ClientTransportConfig;
import com.alipay.sofa.rpc.transport.bolt.BoltClientTransport;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;

/**
 * SOFARPC's own way to send, which takes from the provider's address what it has no setting for: the
 * version of Bolt, whether frames have a CRC, and a name for a connection of its own.
 */
@Extension(value = "bolt", override = true, order = 1)
public final class RpcTransport extends BoltClientTransport {
    /** By the name of the connection. */
    static final Map<String, RpcTransport> BY_LINK = new ConcurrentHashMap<>();

    static {
        RPC_CLIENT.option(BoltClientOption.EXTENDED_NETTY_CHANNEL_HANDLER, Wire.everywhere());
    }

    public RpcTransport(ClientTransportConfig config) {
        super(config);
        BY_LINK.put(config.getProviderInfo().getAttr("link"), this);
    }

    @Override
    protected Url convertProviderToUrl(ClientTransportConfig config, ProviderInfo provider) {
        // Bolt keeps connections by the url's key, which else is the address alone.
        String key = provider.getHost() + ":" + provider.getPort() + "?link=" + provider.getAttr("link");
        Url url = new Url(key, provider.getHost(), provider.getPort(), key, new Properties());
        url.setConnectTimeout(config.getConnectTimeout());
        url.setProtocol(Byte.parseByte(provider.getAttr("protocol")));
        url.setVersion(Byte.parseByte(provider.getAttr("version")));
        return url;
    }

    @Override
    protected InvokeContext createInvokeContext(SofaRequest request) {
        InvokeContext context = super.createInvokeContext(request);
        boolean crc = Boolean.parseBoolean(transportConfig.getProviderInfo().getAttr("crc"));
        context.put(InvokeContext.BOLT_CRC_SWITCH, crc);
        return context;
    }
}
