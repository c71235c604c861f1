"""Public forks of Caffe, and what each of them adds: read only when something is not known.

Read from src/caffe/proto/caffe.proto and the REGISTER_LAYER lines of each project named, at the
newest commit of its default branch unless a branch is named; what BVLC's and NVIDIA's Caffe
have too is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from protolint.record import NamedTuple

__all__ = ["EQUIVALENT_TYPES", "FORKS", "Fork"]


class Fork(NamedTuple):
    """A public Caffe with fields and layer types of its own.

    `old_types` are its words for V1 layers, `base` the target that it grew from, `fields` what
    it adds to messages that others have too, by message. BNParameter and QuantizationParameter
    are what stands in its `bn_param` and `quantization_param`, "more" the fields, as
    MESSAGE.FIELD, for which it takes several values or further words.
    """

    name: str
    project: str
    types: frozenset[str]
    old_types: frozenset[str]
    base: str
    fields: Mapping[str, frozenset[str]]

    @property
    def title(self) -> str:
        """The name with the project, as a message has it."""
        return f"{self.name} ({self.project})"

    def has_field(self, message: str, field: str) -> bool:
        """Whether a message has a field here that BVLC's and NVIDIA's do not have."""
        return field in self.fields.get(message, ())


def _fork(
    name: str, project: str, types: str = "", old_types: str = "", base: str = "bvlc", **fields: str
) -> Fork:
    return Fork(
        name,
        project,
        frozenset(types.split()),
        frozenset(old_types.split()),
        base,
        MappingProxyType({m: frozenset(names.split()) for m, names in fields.items()}),
    )


#: Layer types that another type computes as well, how, and whether that is all.
EQUIVALENT_TYPES = {
    "DepthwiseConvolution": ("Convolution", "the group stays as it is", True),
    "ConvolutionDepthwise": ("Convolution", "with a group for each channel", False),
    "ReLU6": ("Clip", "with clip_param { min: 0 max: 6 }", False),
}

#: The nearest to where a thing comes from first: later ones have merged what earlier ones had.
FORKS = (
    _fork(
        "Faster R-CNN", "rbgirshick/caffe-fast-rcnn",
        types="ROIPooling SmoothL1Loss",
        old_types="ROI_POOLING SMOOTH_L1_LOSS",
        DropoutParameter="scale_train",
        LayerParameter="roi_pooling_param smooth_l1_loss_param",
    ),
    _fork(
        "R-FCN", "daijifeng001/caffe-rfcn",
        types="BoxAnnotatorOHEM PSROIPooling ROIPooling",
        DropoutParameter="scale_train",
        LayerParameter="box_annotator_ohem_param psroi_pooling_param roi_pooling_param"
        " smooth_l1_loss_param",
        LossParameter="pre_fixed_normalizer",
        more="LossParameter.normalization",
    ),
    _fork(
        "FCN", "longjon/caffe, branch future",
        old_types="CROP",
    ),
    _fork(
        "SENet", "hujie-frank/SENet",
        types="Axpy",
    ),
    _fork(
        "SegNet", "alexgkendall/caffe-segnet",
        types="BN DenseImageData Upsample",
        BNParameter="bn_mode scale_filler shift_filler",
        BatchNormParameter="bn_mode shift_filler",
        DropoutParameter="sample_weights_test",
        LayerParameter="bn_param dense_image_data_param upsample_param",
        LossParameter="class_weighting weight_by_label_freqs",
    ),
    _fork(
        "ENet", "TimoSaemann/caffe-enet",
        types="BN DenseImageData Upsample",
        BNParameter="bn_mode scale_filler shift_filler",
        BatchNormParameter="bn_mode shift_filler",
        DropoutParameter="sample_weights_test",
        LayerParameter="bn_param dense_image_data_param upsample_param",
        LossParameter="class_weighting weight_by_label_freqs",
    ),
    _fork(
        "TSN", "yjxiong/caffe",
        types="BN BatchReduction Gather MultilabelLogisticLoss ROIPooling Scatter SegData"
        " SequenceData SyncBN",
        BNParameter="bias_filler eps frozen momentum slope_filler",
        BatchNormParameter="frozen momentum slope_filler",
        ConvolutionParameter="dilation_h dilation_w",
        LayerParameter="batch_reduction_param bn_param roi_pooling_param seg_data_param"
        " sequence_data_param",
        NetParameter="mem_param",
        ReductionParameter="k",
        SolverParameter="group_id richness",
        TransformationParameter="fix_crop is_flow max_distort more_fix_crop multi_scale"
        " original_image scale_ratios stride upper_height upper_size upper_width",
        VideoDataParameter="batch_size crop_size encoded grayscale length_first mean_file mirror"
        " modality name_pattern new_height new_length new_width num_segments rand_skip rand_step"
        " scale shuffle source step",
        more="SolverParameter.device_id",
    ),
    _fork(
        "Cysu", "Cysu/caffe",
        types="BN MPIGather MPIScatter",
        BNParameter="bias_filler eps frozen momentum slope_filler",
        DataParameter="shuffle_pool_size",
        LayerParameter="bn_param",
        NetParameter="auto_insert_gathers richness",
        TransformationParameter="crop_height crop_width multi_scale_levels",
    ),
    _fork(
        "DeepLab", "TheLegendAli/DeepLab-Context2",
        types="AdaptiveBiasChannel BiasChannel DenseCRF DomainTransform"
        " DomainTransformForwardOnly ImageSegData Interp MatRead MatWrite SegAccuracy"
        " SpatialProduct UniqueLabel",
        BatchNormParameter="update_global_stats",
        ImageDataParameter="ignore_label label_type",
        LayerParameter="adaptive_bias_channel_param bias_channel_param dense_crf_param"
        " domain_transform_param interp_param mat_read_param mat_write_param seg_accuracy_param"
        " unique_label_param",
        TransformationParameter="crop_height crop_width scale_factors",
    ),
    _fork(
        "PSPNet", "hszhao/PSPNet",
        types="AdaptiveBiasChannel BN BiasChannel DenseCRF DomainTransform"
        " DomainTransformForwardOnly ImageSegData Interp MatRead MatWrite SegAccuracy"
        " SpatialProduct UniqueLabel",
        BNParameter="bias_filler eps frozen icnet momentum slope_filler",
        BatchNormParameter="frozen momentum slope_filler update_global_stats",
        ImageDataParameter="ignore_label label_type",
        LayerParameter="adaptive_bias_channel_param bias_channel_param bn_param dense_crf_param"
        " domain_transform_param interp_param mat_read_param mat_write_param seg_accuracy_param"
        " unique_label_param",
        TransformationParameter="crop_height crop_width scale_factors",
    ),
    _fork(
        "CRF-RNN", "torrvision/caffe",
        types="MultiStageMeanfield",
        old_types="CROP",
        LayerParameter="multi_stage_meanfield_param",
    ),
    _fork(
        "DepthwiseConvolution", "yonghenglh6/DepthwiseConvolution",
        types="DepthwiseConvolution",
    ),
    _fork(
        "ShuffleNet", "farmingyard/ShuffleNet",
        types="ConvolutionDepthwise ShuffleChannel",
        LayerParameter="shuffle_channel_param",
    ),
    _fork(
        "MobileNet-YOLO", "eric612/MobileNet-YOLO",
        base="ssd",
        types="AssistedExcitation DepthwiseConvolution GaussianYolov3 LaneData ReLU6 RegionLoss"
        " Reorg SegmentationEvaluate Upsample YoloDetectionOutput YoloSeg Yolov3"
        " Yolov3DetectionOutput",
        old_types="RELU6",
        AnnotatedDataParameter="difficult_label_warmup seg_resize_height seg_resize_width"
        " seg_scales single_class train_diffcult yolo_data_jitter yolo_data_type",
        LayerParameter="region_loss_param relu6_param reorg_param segmentation_evaluate_param"
        " upsample_param yolo_detection_output_param yolo_seg_param"
        " yolov3_detection_output_param yolov3_param",
        SolverParameter="stageiter stagelr",
        TransformationParameter="apply_probability contrast_brightness_adjustment cvt_bgr2rgb"
        " debug_params enable_classf_aug max_brightness_shift max_color_shift max_contrast"
        " max_rotation_angle max_scaling_factor max_smooth min_contrast min_scaling_factor"
        " min_side min_side_max min_side_min smooth_filtering",
        V1LayerParameter="relu6_param",
        LabelMapItem="b g label_id r",
        more="TransformationParameter.resize_param",
    ),
    _fork(
        "YOLO v2", "gklz1982/caffe-yolov2",
        types="BoxData ConvolutionRistretto DeconvolutionRistretto DetectionLoss EvalDetection"
        " FcRistretto LRNRistretto RegionLoss Reorg",
        DataParameter="side",
        DetectionOutputParameter="biases coords label_map_file nms_threshold num_box side",
        LayerParameter="detection_loss_param eval_detection_param quantization_param"
        " region_loss_param reorg_param",
        SolverParameter="stageiter stagelr",
        V1LayerParameter="detection_loss_param eval_detection_param",
        QuantizationParameter="bw_layer_in bw_layer_out bw_params exp_bits exp_max exp_min"
        " fl_layer_in fl_layer_out fl_params mant_bits precision rounding_scheme",
    ),
    _fork(
        "RefineDet", "sfzhang15/RefineDet",
        base="ssd",
        DetectionOutputParameter="objectness_score",
        MultiBoxLossParameter="objectness_score",
    ),
    _fork(
        "SSTD", "BestSonny/SSTD",
        base="ssd",
        types="AnnotatedDataMask DetectionOrientedOutput MaskPooling MaskResize"
        " MultiBoxOrientedLoss",
        AnnotatedDataParameter="oriented",
        LayerParameter="mask_param mask_resize_param",
        MultiBoxLossParameter="oriented_weight",
        V1LayerParameter="mask_param",
    ),
    _fork(
        "PVANet", "sanghoon/caffe",
        types="Proposal ROIPooling",
        LayerParameter="proposal_param roi_pooling_param smooth_l1_loss_param",
    ),
    _fork(
        "ParseNet", "weiliu89/caffe, branch fcn",
        types="BN Grouping ParseEvaluate ParseOutput UnPooling",
        old_types="CROP PARSE_EVALUATE PARSE_OUTPUT",
        ConvolutionParameter="filter_stride filter_stride_h filter_stride_w",
        DataParameter="shuffle_buffer_size",
        LayerParameter="bn_param parse_evaluate_param unpooling_param",
        NormalizeParameter="fix_scale",
        PoolingParameter="bin_h bin_size bin_w",
        ResizeParameter="center_object max_angle",
        SaltPepperParameter="type",
        SolverParameter="log_avg_gradient_norm test_before_snapshot",
        TransformationParameter="random_90_deg_rot vertical_mirror",
    ),
    _fork(
        "OpenPose", "CMU-Perceptual-Computing-Lab/caffe_train",
        types="CPMData",
        LayerParameter="cpm_transform_param",
    ),
    _fork(
        "Ristretto", "pmgysel/caffe",
        types="ConvolutionRistretto DeconvolutionRistretto FcRistretto LRNRistretto",
        LayerParameter="quantization_param",
        QuantizationParameter="bw_add bw_layer_in bw_layer_out bw_multiply bw_params exp_bits"
        " exp_max exp_min fl_layer_in fl_layer_out fl_params is_gpu mant_bits precision"
        " rounding_scheme",
    ),
    _fork(
        "C3D", "facebookarchive/C3D",
        types="BlackHole Convolution3D Deconvolution3D L2Normalize Pooling3D",
        old_types="CONVOLUTION3D DECONVOLUTION3D DOWN_SAMPLING ELTWISE_PRODUCT POOLING3D"
        " VIDEO_DATA VIDEO_SEGMENTATION_DATA VIDEO_WITH_VOXEL_TRUTH_DATA VOLUME_DATA"
        " VOXEL_CUSTOM_LOSS VOXEL_SOFTMAX VOXEL_SOFTMAX_LOSS",
        ConvolutionParameter="filter_group kernel_depth temporal_pad temporal_stride",
        DataParameter="show_data",
        ImageDataParameter="clip_max clip_min is_flow mean_value new_length num_truth_channels"
        " sampling_rate show_data truth_scale use_byte_input use_image use_label"
        " use_temporal_jitter",
        LayerParameter="down_sampling_param",
        PoolingParameter="kernel_depth temporal_stride",
        VideoDataParameter="max_sampling_rate num_of_labels sampling_rate show_data use_image"
        " use_multiple_label use_sampling_rate_jitter use_temporal_jitter",
    ),
    _fork(
        "video-caffe", "chuckcho/video-caffe",
        types="NdConvolution NdPooling",
        ConvolutionParameter="kernel_shape pad_shape stride_shape",
        MemoryDataParameter="length",
        PoolingParameter="kernel_shape pad_shape stride_shape",
        VideoDataParameter="batch_size is_color new_height new_length new_width rand_skip"
        " root_folder shuffle source",
    ),
    _fork(
        "caffe-face", "ydwen/caffe-face",
        types="CenterLoss",
        LayerParameter="center_loss_param",
    ),
    _fork(
        "L-Softmax", "wy1iu/LargeMargin_Softmax_Loss",
        types="BN LargeMarginInnerProduct",
        LayerParameter="bn_param largemargin_inner_product_param",
    ),
    _fork(
        "FlowNet 2", "lmb-freiburg/flownet2",
        types="Accum BlackAugmentation ChannelNorm Correlation Correlation1D CustomData"
        " DataAugmentation DisparityData Downsample FLOWriter FloatReader FloatWriter"
        " FlowAugmentation FlowWarp GenerateAugmentationParameters ImgReader ImgWriter LpqLoss"
        " Mean NegReLU PFMWriter Resample",
        DataParameter="block_size disk_reader_threads encoding huge_video_dataset limit_samples"
        " permute_every_iter preselection_file preselection_label rand_permute"
        " rand_permute_order rand_permute_seed range_end range_start slice_point subtract"
        " verbose",
        FillerParameter="diag_val",
        LayerParameter="accum_param augmentation_param black_augmentation_param"
        " coeff_schedule_param correlation_param downsample_param flow_warp_param l1_loss_param"
        " lpq_loss_param mean_param reader_param resample_param reshape_every_iter writer_param",
    ),
    _fork(
        "HED", "s9xie/hed",
        types="ImageLabelmapData",
        old_types="CROP",
    ),
    _fork(
        "SSL", "wenwei202/caffe, branch scnn",
        types="Sparsify SymmetricRectify",
        ConvolutionParameter="conv_mode",
        LayerParameter="connectivity_mode display sparsify_param symmetric_rectify_param",
        ParamSpec="block_group_lasso breadth_decay_mult decay_proto force_mult force_regularize"
        " kernel_shape_decay_mult regularization_type",
        SolverParameter="block_group_decay breadth_decay force_decay force_decay_type"
        " force_direction force_iter force_type kernel_shape_decay",
    ),
    _fork(
        "caffe-augmentation", "twtygqyy/caffe-augmentation",
        TransformationParameter="apply_probability contrast_brightness_adjustment debug_params"
        " max_brightness_shift max_color_shift max_contrast max_rotation_angle"
        " max_scaling_factor max_smooth min_contrast min_scaling_factor min_side min_side_max"
        " min_side_min smooth_filtering",
    ),
    _fork(
        "Vitis AI", "Xilinx/Vitis-AI",
        types="DeephiResize",
        DataParameter="multi_gpu_testing",
        ImageDataParameter="label_num",
        LayerParameter="deephi_resize_param fixed_param quantization_param relu6_param"
        " tiling_param",
        NetParameter="copyright",
        ParamSpec="compression",
        QuantizationParameter="bw_layer_in bw_layer_out bw_params th_layer_in th_layer_out"
        " th_params",
        TransformationParameter="rotate",
    ),
    _fork(
        "caffe_ocr", "senlinuc/caffe_ocr",
        types="CTCGreedyDecoder CTCLoss DenseBlock Interp Lstm Reverse ReverseTime"
        " SoftmaxWithLossMultiLabel Transpose WarpCTCLoss",
        BatchNormParameter="update_global_stats",
        DataParameter="task_class_num",
        ImageDataParameter="regression task_class_num",
        LayerParameter="ctc_decoder_param ctc_loss_param denseblock_param interp_param"
        " lstm_param reverse_param reverse_time_param transpose_param",
        MemoryDataParameter="label_size",
        TransformationParameter="add_noise crop_height crop_width noise_ratio scale_factors",
    ),
    _fork(
        "caffe-jacinto", "tidsp/caffe-jacinto",
        base="nvidia-0.17",
        types="IOUAccuracy ImageLabelData ImageLabelListData ImageLabelTransformation"
        " SegmentationAccuracy SoftmaxWithWeightedLoss",
        AccuracyParameter="history_size",
        DataParameter="shuffle_skip_max",
        LayerParameter="image_label_data_param image_label_transform_param quantization_param"
        " snapshot_log_in snapshot_log_out snapshot_log_weights",
        LossParameter="assign_label_weights bootstrap_prob_threshold bootstrap_samples_fraction"
        " label_weights num_label_weights",
        NetParameter="net_quantization_param quantize",
        SolverParameter="display_quantization display_sparsity ignore_mismatching_blobs"
        " ignore_shape_mismatch insert_quantization_param quantization_param"
        " quantization_start_iter quantize_activations quantize_weights snapshot_log sparse_mode"
        " sparsity_itr_increment_bfr_applying sparsity_start_factor sparsity_start_iter"
        " sparsity_step_factor sparsity_step_iter sparsity_target sparsity_threshold_maxratio"
        " sparsity_threshold_value_max unsigned_check_in unsigned_check_out",
        TransformationParameter="var_sz_img_enabled",
        QuantizationParameter="bitwidth fracbits max min offset power2_scale_activations"
        " power2_scale_weights precision qparam_in qparam_out qparam_w quantize"
        " quantized_infer_count rounding_scheme scale_applied scale_target shiftbits"
        " unsigned_data unsigned_quant",
    ),
    _fork(
        "OpenCL", "BVLC/caffe, branch opencl",
        types="Affinity ConnectedComponent LibDNNConvolution LibDNNPooling MOE MalisLoss"
        " MergeCrop Noise Quantizer",
        BatchNormParameter="fused_relu",
        ConvolutionParameter="eltwise_param fuse_type relu_param",
        DropoutParameter="scale_train",
        LRNParameter="fuse_type pooling_param unit_test_fuse_kernel unit_test_mode",
        LayerParameter="affinity_param autotune blobs_quantizer bottom_data_type"
        " bottom_quantizer bottom_shared_index compute_data_type device mergecrop_param"
        " moe_param net_quantizer noise_param top_data_type top_quantizer top_shared_index",
        MemoryDataParameter="dim",
        NetParameter="autotune data_type quantizer reduced_memory_inference",
        NetState="quantizer_mode",
        NoiseParameter="mu sigma",
        PoolingParameter="axis dilation",
        SolverParameter="data_type device",
        V1LayerParameter="affinity_param",
    ),
    _fork(
        "DeepDetect", "jolibrain/caffe",
        base="ssd",
        types="BroadcastMul ContinuationIndicator ConvolutionDepthwise CrossEntropyLoss CtcLoss"
        " DenseImageData DiceCoefLoss FocalLoss Interp LabelsequenceAccuracy MemorySparseData"
        " MultiBoxFocalLoss MultiLabelAccuracy MultiLabelSigmoidLoss ROIPooling ReLU6 Reverse"
        " SeLu SeLuDropout ShuffleChannel SoftmaxWithInfogainLoss SparseData SparseInnerProduct"
        " Upsample",
        old_types="DICE_LOSS SELU SELU_DROPOUT",
        ConvolutionParameter="cudnn_flavor",
        DetectionEvaluateParameter="output_logits",
        DetectionOutputParameter="objectness_score output_logits",
        DistortionParameter="all_effects brightness contrast hue prob random_order saturation",
        DropoutParameter="scale_train",
        HDF5DataParameter="image",
        ImageDataParameter="ignore_label label_size label_type",
        LayerParameter="continuation_indicator_param ctc_loss_param dense_image_data_param"
        " dice_coef_loss_param focal_loss_param interp_param labelsequence_accuracy_param"
        " reverse_param roi_pooling_param selu_dropout_param selu_param shuffle_channel_param"
        " smooth_l1_loss_param upsample_param",
        MultiBoxLossParameter="objectness_score",
        NoiseParameter="all_effects",
        NonMaximumSuppressionParameter="soft_nms theta",
        SoftmaxParameter="scaling_temperature",
        SolverParameter="adabelief amsgrad decoupled_wd_mult decoupled_wd_t0 gc lookahead"
        " lookahead_alpha lookahead_steps lr_dropout lr_mult p_mult period rectified warmup_iter"
        " warmup_start_lr",
        TransformationParameter="geometry_param rotate untransformed_top",
    ),
    _fork(
        "py-R-FCN", "Microsoft/caffe",
        types="BoxAnnotatorOHEM PSROIPooling ROIPooling SmoothL1Loss SmoothL1LossOHEM"
        " SoftmaxWithLossOHEM",
        DropoutParameter="scale_train",
        LayerParameter="box_annotator_ohem_param mil_data_param mil_param psroi_pooling_param"
        " roi_pooling_param smooth_l1_loss_param",
        LossParameter="pre_fixed_normalizer",
        more="LossParameter.normalization",
    ),
    _fork(
        "caffe-windows", "happynear/caffe-windows",
        types="Arccos BN BatchContrastiveLoss CenterLoss ChannelScale ConfidencePenaltyLoss"
        " CorrelationLoss Cosine FCNAccuracy Flip FocalLoss GeneralContrastiveLoss"
        " GeneralTripletLoss GlobalLSEMargin Gram Hotspot InnerDistance Insanity"
        " LabelSpecificAdd LargeMarginInnerProduct Local MarginInnerProduct MovingNormalize"
        " MultiLabelImageData NCALoss Noise PSROIPooling Pairwise PredictBox Proposal ROIPooling"
        " Resize Slope SoftContrastiveLoss SoftTruncation SubRegion Transformer TripletLoss"
        " Truncation",
        old_types="BATCH_NORM BN ELTWISE_AFFINE INSANITY LOCAL NORMALIZE ROIPOOLING TRIPLET_LOSS",
        AccuracyParameter="min_is_better",
        BatchNormParameter="disable_mean disable_variance",
        ConvolutionParameter="shape_offset",
        DropoutParameter="sqrt_scale",
        FillerParameter="alpha",
        ImageDataParameter="balance_by balance_class face_mirror face_point_num face_transform"
        " label_cut_end label_cut_start max_aspect_ratio max_random_scale max_random_shift"
        " max_rotate_angle max_shear_ratio min_random_scale",
        InnerProductParameter="normalize",
        LayerParameter="batch_contrastive_loss_param bn_param center_loss_param"
        " channel_scale_param confidence_penalty_loss_param eltwise_affine_param fcn_data_param"
        " feature_decay_loss_param flip_param focal_loss_param general_contrastive_loss_param"
        " general_triplet_loss_param hotspot_param infimum_loss_param inner_distance_param"
        " insanity_param label_specific_add_param label_specific_affine_param"
        " label_specific_hard_margin_param label_specific_margin_param"
        " label_specific_rescale_param largemargin_inner_product_param local_param"
        " margin_inner_product_param mil_data_param mil_param nca_param noise_param"
        " normalize_param ordinal_regression_loss_param pairwise_param predict_box_param"
        " proposal_param psroi_pooling_param resize_param roi_pooling_param smoothl1_param"
        " soft_contrastive_loss_param soft_truncation_param sub_region_param triplet_loss_param"
        " truncation_param",
        MemoryDataParameter="transpose",
        NoiseParameter="bias gaussian_std uniform_range",
        NormalizeParameter="bp_norm fix_gradient normalize_type",
        ParameterParameter="blob_filler",
        PoolingParameter="blobs_a_min blobs_lr",
        ResizeParameter="is_pyramid_test out_height_scale out_width_scale",
        ScaleParameter="max_value min_value",
        SoftmaxParameter="class_weight cutting_point hard_mining_label hard_ratio"
        " label_smooth_factor normalize_type",
        SolverParameter="clamp_weights_lower clamp_weights_upper clip_weights",
        TransformationParameter="aspect_max aspect_min center_crop erase_ratio scale_max"
        " scale_min",
        V1LayerParameter="bn_param eltwise_affine_param insanity_param local_param noise_param"
        " prelu_param roi_pooling_param sub_region_param triplet_loss_param",
    ),
    _fork(
        "NVIDIA 0.16.3", "NVIDIA/caffe, tag v0.16.3",
        base="nvidia-0.16",
        TransformationParameter="var_sz_img_center_crop var_sz_img_rand_crop",
    ),
    _fork(
        "pull request 3057", "BVLC/caffe#3057",
        PoolingParameter="ceil_mode",
    ),
    _fork(
        "Caffe 0.1", "BVLC/caffe, tag v0.1",
        V0LayerParameter="subtraction",
    ),
)  # fmt: skip
