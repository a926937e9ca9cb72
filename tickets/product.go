package tickets

// Name is a product as Microsoft writes it; empty where it is not known.
func (p Product) Name() string {
	switch p {
	case ProductEndpoint:
		return "Defender for Endpoint"
	case ProductXDR:
		return "Defender XDR"
	case ProductOffice365:
		return "Defender for Office 365"
	case ProductCloud:
		return "Defender for Cloud"
	case ProductIdentity:
		return "Defender for Identity"
	case ProductCloudApps:
		return "Defender for Cloud Apps"
	case ProductEntra:
		return "Entra ID Protection"
	case ProductPurview:
		return "Purview"
	case ProductSentinel:
		return "Sentinel"
	default:
		return ""
	}
}
